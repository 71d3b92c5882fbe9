"""What validators cannot know of docker-compose.yml and the manifests: each law tells what breaks it."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from chassis.settings import GROUPS

Found = Iterator[str]
Manifest = Mapping[str, Any]
Law = Callable[[Sequence[Manifest]], Found]
MOST_WORKERS = 12
"""Parts of a topic."""
SECRET = re.compile(
    r"(?i)postgresql://[^:/\s]+:[^@\s$]+@|-----BEGIN|(password|token|secret)\s*[:=]\s*[\"']?[A-Za-z0-9+/]{16,}"
)
PINNED = re.compile(r"^[\w./-]+:(v?\d+\.\d+(\.\d+)?[\w.-]*)(@sha256:[0-9a-f]{64})?$")
STORES = {"postgres", "kafka"}


def name_of(it: Manifest) -> str:
    return f"{it['kind']} {it['metadata']['name']}"


def workloads(manifests: Iterable[Manifest]) -> Iterator[tuple[str, Any]]:
    """Each Deployment, StatefulSet and Job, with its pod."""
    for it in manifests:
        if it["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name_of(it), it["spec"]["template"]["spec"]


def variables() -> set[str]:
    """The names of all settings."""
    return {f"KEHU_{group}__{field}".upper() for group, model in GROUPS for field in model.model_fields}


def unknown_settings(names: Iterable[str]) -> Found:
    """KEHU_ names that no setting has."""
    yield from sorted(n for n in set(names) - variables() - {"KEHU_SECRETS_DIR"} if n.startswith("KEHU_"))


def settings(manifests: Sequence[Manifest]) -> Found:
    """Every setting used exists."""
    used = [name for it in manifests if it["kind"] == "ConfigMap" for name in it.get("data", {})]
    used += [e["name"] for _, pod in workloads(manifests) for c in pod["containers"] for e in c.get("env", ())]
    yield from (f"no setting is called {name}" for name in unknown_settings(used))


def unprivileged(manifests: Sequence[Manifest]) -> Found:
    """Restricted, as Pod Security Standards have it, and without a token of Kubernetes."""
    for name, pod in workloads(manifests):
        told = pod.get("securityContext", {})
        if not (told.get("runAsNonRoot") and told.get("runAsUser", 0) > 0):
            yield f"{name} may run as root"
        if told.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name} has no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name} is given a token of Kubernetes"
        for container in pod["containers"]:
            yield from (f"{name}: {what}" for what in _container(container))


def _container(container: Mapping[str, Any]) -> Found:
    told = container.get("securityContext", {})
    if told.get("allowPrivilegeEscalation") is not False or told.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "may gain privileges"
    if container["name"] not in STORES and not told.get("readOnlyRootFilesystem"):
        yield "may write its file system"
    if not container.get("resources", {}).get("limits", {}).get("memory"):
        yield "has no limit of memory"


def pinned(images: Iterable[tuple[str, str]]) -> Found:
    """Whose images have no exact version."""
    yield from (f"{name}: {image} is not pinned" for name, image in images if not PINNED.match(image))


def images(manifests: Sequence[Manifest]) -> Found:
    """Every image is pinned."""
    found = [(name, c["image"]) for name, pod in workloads(manifests) for c in pod["containers"]]
    found += [(name_of(it), it["spec"]["imageName"]) for it in manifests if it["kind"] == "Cluster"]
    yield from pinned(found)


def secrets(text: str) -> Found:
    """Lines that hold a secret instead of a reference to one."""
    yield from (f"looks like a secret: {line.strip()[:60]}" for line in text.splitlines() if SECRET.search(line))


def references(manifests: Sequence[Manifest]) -> Found:
    """Secrets are made elsewhere, and given as files."""
    yield from (f"{name_of(it)} is in the tree" for it in manifests if it["kind"] == "Secret")
    for name, pod in workloads(manifests):
        for container in pod["containers"]:
            if any("secretKeyRef" in e.get("valueFrom", {}) for e in container.get("env", ())):
                yield f"{name} is given a secret in its environment"


def commands(manifests: Sequence[Manifest]) -> dict[str, list[str]]:
    """What runs of ours: name -> what `python -m` is given."""
    return {
        re.sub(r"-\d+\.\d+\.\d+$", "", it["metadata"]["name"]): list(pod["containers"][0]["args"])
        for it in manifests
        for _, pod in workloads([it])
        if pod["containers"][0]["name"] == "kehu"
    }


def processes(names: Iterable[str]) -> dict[str, list[str]]:
    """What has to run of these services, and no other."""
    roles = {f"{n}-{role}": [f"{n}_svc", role] for n in names for role in ("api", "worker", "migrate")}
    return {**roles, "console": ["console"]}


def workers(manifests: Sequence[Manifest]) -> Found:
    """No more workers than topics have parts, and none of them kept from scaling by a number of its own."""
    scaled = {}
    for it in manifests:
        if it["kind"] in ("ScaledObject", "HorizontalPodAutoscaler"):
            most = it["spec"].get("maxReplicaCount") or it["spec"].get("maxReplicas")
            scaled[it["spec"]["scaleTargetRef"]["name"]] = most
            if it["kind"] == "ScaledObject" and most > MOST_WORKERS:
                yield f"{name_of(it)}: more than {MOST_WORKERS} workers have nothing to do"
    names = {it["metadata"]["name"]: it for it in manifests if it["kind"] == "Deployment"}
    yield from (f"{name} is scaled and does not exist" for name in sorted(set(scaled) - set(names)))
    yield from (
        f"{n} is scaled and has a number" for n in sorted(set(scaled) & set(names)) if "replicas" in names[n]["spec"]
    )


def selected(manifests: Sequence[Manifest]) -> Found:
    """Every service, budget and policy has pods, and every pod is under the policy that refuses everything."""
    pods = [it["spec"]["template"]["metadata"]["labels"] for it in manifests
            if it["kind"] in ("Deployment", "StatefulSet", "Job")]  # fmt: skip
    for it in manifests:
        wanted = _selector(it)
        if wanted and not any(set(wanted.items()) <= set(labels.items()) for labels in pods):
            yield f"{name_of(it)} selects no pod"
    if not all(labels.get("app.kubernetes.io/part-of") == "kehu" for labels in pods):
        yield "a pod is not under the policy `nobody`"


def _selector(it: Manifest) -> dict[str, str]:
    match it["kind"]:
        case "Service":
            return dict(it["spec"].get("selector", {}))
        case "PodDisruptionBudget":
            return dict(it["spec"]["selector"]["matchLabels"])
        case "NetworkPolicy":
            return dict(it["spec"]["podSelector"].get("matchLabels", {}))
        case _:
            return {}


def topics(manifests: Sequence[Manifest]) -> dict[str, tuple[int, dict[str, str]]]:
    """Name -> partitions and settings, of the topics that are made; how they are copied left out."""
    return {
        it["metadata"]["name"]: (
            it["spec"]["partitions"],
            {k: str(v) for k, v in it["spec"]["config"].items() if k != "min.insync.replicas"},
        )
        for it in manifests
        if it["kind"] == "KafkaTopic"
    }


def reachable(manifests: Sequence[Manifest]) -> Found:
    """The gateway asks services that exist."""
    services = {it["metadata"]["name"] for it in manifests if it["kind"] == "Service"}
    for it in manifests:
        for name, value in it.get("data", {}).items() if it["kind"] == "ConfigMap" else ():
            if name in ("KEHU_GATEWAY__APIS", "KEHU_GATEWAY__WORKERS"):
                hosts = {url.partition("://")[2].partition(":")[0] for url in json.loads(value).values()}
                yield from (f"{name}: no service is called {host}" for host in sorted(hosts - services))


LAWS: Sequence[Law] = (settings, unprivileged, images, references, workers, selected, reachable)
"""Those that every overlay keeps."""
