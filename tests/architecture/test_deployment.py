"""What is deployed agrees with the code, and each law about it bites."""

import copy
import json
import os
import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import deployment, deployment_laws, deployment_secrets

from all_in_one.services import SERVICES
from chassis.buses import layout
from chassis.runtime import needed, seals, topics_of
from chassis.settings import Kafka, Settings
from chassis.version import VERSION
from events.topics import BY_NAME, RECEIPTS, TOPICS, of_context
from tests.architecture.tree import ROOT

NAMES = [service.name for service in SERVICES]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {n: s for n, s in COMPOSE["services"].items() if s["image"].startswith("kehu:")}
K8S = ROOT / "deploy" / "k8s"
FILES = sorted(
    p for p in (ROOT / "deploy").rglob("*") if p.suffix in (".yaml", ".yml", ".sql", ".sh") or p.name == "Dockerfile"
)
STATEMENTS = [
    line.rstrip(";") for line in (ROOT / "deploy/postgres/databases.sql").read_text().splitlines()
    if line and not line.startswith("--")
]  # fmt: skip
MISSING = "NO KUSTOMIZE IN .tools, SO THE RENDERED MANIFESTS ARE NOT HELD AGAINST THE CODE: make deploy-check"


def documents(path: Path) -> list[Any]:
    return [it for it in yaml.safe_load_all(path.read_text()) if it]


PROD = [it for path in (K8S / "overlays/prod").glob("*.yaml") for it in documents(path)]


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[Any]]:
    """The overlays as kustomize renders them; where it is not there that is said loudly."""
    kustomize = deployment.PLACE / f"kustomize-{deployment.KUSTOMIZE.rpartition('@')[2]}" / "kustomize"
    if not kustomize.exists():
        if os.environ.get("CI") == "true" and not os.environ.get("KEHU_NO_GO"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return {name: deployment.manifests(deployment.rendered(kustomize, name)) for name in deployment.OVERLAYS}


def test_every_process_of_the_code_is_in_the_composition_and_no_other() -> None:
    assert {n: s["command"] for n, s in OURS.items()} == deployment_laws.processes(NAMES)


def test_the_processes_of_the_composition_cannot_do_more_than_they_need() -> None:
    for name, service in OURS.items():
        assert service["read_only"], name
        assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"]), name
    for name, service in COMPOSE["services"].items():
        assert service["deploy"]["resources"]["limits"]["memory"], name
        published = [
            p for p in service.get("ports", ()) if not re.match(r"(127\.0\.0\.1|\$\{KEHU_ADDRESS:-127\.0\.0\.1\}):", p)
        ]
        assert published == [], name


def test_settings_of_the_composition_exist() -> None:
    used = [name for service in OURS.values() for name in service.get("environment", {})]
    used += [f"KEHU_{s['target']}".upper() for service in OURS.values() for s in service.get("secrets", ())]
    assert list(deployment_laws.unknown_settings(used)) == []


def test_what_may_be_set_beside_the_composition_is_used_in_it() -> None:
    told = set(re.findall(r"(?m)^(KEHU_\w+)=", (ROOT / ".env.example").read_text()))
    assert told == set(re.findall(r"\$\{(KEHU_\w+)[:}]", (ROOT / "docker-compose.yml").read_text()))


def test_processes_begin_when_what_they_need_is_there() -> None:
    for service in SERVICES:
        for role in ("api", "worker"):
            waits = OURS[f"{service.name}-{role}"]["depends_on"]
            migrated = {n for n, c in waits.items() if c["condition"] == "service_completed_successfully"}
            assert migrated == {f"{name}-migrate" for name in needed([service])}
        assert OURS[f"{service.name}-worker"]["depends_on"]["kafka"] == {"condition": "service_healthy"}
    assert set(OURS["console"]["depends_on"]) == {f"{name}-api" for name in NAMES}


def test_only_those_who_seal_persons_are_given_the_key() -> None:
    sealing = {service.name for service in SERVICES if seals(service)}
    given = {
        n.rpartition("-")[0]
        for n, s in OURS.items()
        if any(x["target"] == "keys__encryption" for x in s.get("secrets", ()))
    }
    assert given == sealing
    patched = {n for n in NAMES if "kehu-keys" in (K8S / "base" / n / "kustomization.yaml").read_text()}
    assert patched == sealing


def test_the_secrets_that_are_made_are_those_that_are_mounted_and_open_the_databases_a_service_reads(
    tmp_path: Path,
) -> None:
    place = Namespace(host="postgres:5432", query="")
    made = deployment_secrets.make(tmp_path, place)
    assert deployment_secrets.make(tmp_path, place) == 0
    files = {f".secrets/{p.relative_to(tmp_path).as_posix()}" for p in tmp_path.rglob("*") if p.is_file()}
    assert len(files) == made
    assert {s["file"] for s in COMPOSE["secrets"].values()} <= files
    for service in SERVICES:
        urls = json.loads((tmp_path / f"kehu-{service.name}/databases__urls").read_text())
        assert set(urls) == needed([service])
        logins = {name: url.partition("//")[2].partition(":")[0] for name, url in urls.items()}
        assert logins.pop(service.name) == f"kehu_{service.name}"
        assert set(logins.values()) <= {deployment_secrets.READS}
    assert tmp_path.stat().st_mode & 0o077 == 0


def test_secrets_are_read_where_a_kubelet_mounts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dated = tmp_path / "..2026_01_01"
    dated.mkdir()
    (dated / "keys__encryption").write_text("key")
    (dated / "databases__urls").write_text('{"credit": "postgresql://db"}')
    (tmp_path / "..data").symlink_to(dated.name)
    for name in ("keys__encryption", "databases__urls"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    monkeypatch.setenv("KEHU_SECRETS_DIR", str(tmp_path))
    settings = Settings()
    assert settings.keys.encryption is not None
    assert settings.keys.encryption.get_secret_value() == "key"
    assert set(settings.databases.urls) == {"credit"}


def test_every_login_has_a_password_and_every_database_is_made_everywhere_alike() -> None:
    created = {m[1] for s in STATEMENTS if (m := re.match(r"create role (\w+) login", s))}
    assert created == set(deployment_secrets.LOGINS)
    (cluster,) = [it for it in PROD if it["kind"] == "Cluster"]
    assert cluster["spec"]["bootstrap"]["initdb"]["postInitSQL"] == STATEMENTS
    managed = {r["name"]: r for r in cluster["spec"]["managed"]["roles"]}
    assert set(managed) == created
    for name, role in managed.items():
        (made,) = [s for s in STATEMENTS if s.startswith(f"create role {name} ")]
        assert sorted(role["inRoles"]) == sorted(made.partition(" in role ")[2].split(", "))
        assert role["passwordSecret"]["name"] == f"{name.replace('_', '-')}-login"


def test_topics_are_made_as_the_code_says() -> None:
    meant = {t.name: (t.parts, dict(t.settings)) for t in layout(Kafka()).topics.values()}
    assert deployment_laws.topics(PROD) == meant


def allowed(rights: list[Any], what: str) -> set[str]:
    """The topics with which this may be done."""
    told = [(a["resource"], a["operations"]) for a in rights]
    return {
        resource["name"] + "*" * (resource["patternType"] == "prefix")
        for resource, operations in told
        if resource["type"] == "topic" and what in operations
    }


def test_users_of_kafka_may_what_their_service_does_and_no_more() -> None:
    users = {it["metadata"]["name"]: it["spec"]["authorization"]["acls"] for it in PROD if it["kind"] == "KafkaUser"}
    for service in SERVICES:
        rights = users[f"kehu-{service.name}-kafka"]
        may = {what: allowed(rights, what) for what in ("Create", "Write", "Read", "Delete")}
        documents = {d.topic for d in service.intake}
        letters = {f"{of_context(topic)}.{service.name}.*" for topic in topics_of(service)}
        states = {stated.topic for stated in service.states}
        assert may["Create"] == letters
        assert (
            may["Write"]
            == {of_context(c) for c in service.contexts} | ({RECEIPTS} if service.intake else set()) | letters | states
        )
        assert may["Read"] == {of_context(topic) for topic in topics_of(service)} | documents | letters | states
        assert {a["resource"]["name"] for a in rights if a["resource"]["type"] == "transactionalId"} == states
        assert may["Delete"] == {d for d in documents if BY_NAME[d].personal == "plain"}
        groups = [a["resource"]["name"] for a in rights if a["resource"]["type"] == "group"]
        assert groups == [f"kehu.{service.name}.", *([f"kehu.intake:{service.name}"] if service.intake else [])]
    assert {a["resource"]["name"] for a in users["erp"] if "Write" in a["operations"]} == {
        t.name for t in TOPICS if t.kind == "documents" and not t.reserved
    }


def test_the_rules_of_prometheus_are_the_same_everywhere() -> None:
    (rule,) = [it for it in PROD if it["kind"] == "PrometheusRule"]
    assert rule["spec"] == yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())


def test_prometheus_reads_every_process_of_the_composition() -> None:
    told = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    read = {t.partition(":")[0] for job in told for config in job["static_configs"] for t in config["targets"]}
    assert read - {"localhost"} == {n for n in OURS if n.rpartition("-")[2] in ("api", "worker")}


def test_images_are_pinned_and_all_of_ours_are_this_version() -> None:
    images = [(n, s["image"]) for n, s in COMPOSE["services"].items()]
    assert list(deployment_laws.pinned(images)) == []
    dockerfile = (ROOT / "deploy/docker/Dockerfile").read_text()
    assert list(deployment_laws.pinned([("base", re.findall(r"ARG PYTHON=(\S+)", dockerfile)[0])])) == []
    ours = [
        v for path in (ROOT / "docker-compose.yml", *FILES) for v in re.findall(r"kehu:(\d[\w.]*)", path.read_text())
    ]
    ours += re.findall(r'image.version="(.*)"', dockerfile)
    ours += [it["metadata"]["name"].removeprefix("migrate-") for it in documents(K8S / "base/service/migrate.yaml")]
    ours += [i["newTag"] for it in PROD for i in it.get("images", ())]
    assert set(ours) == {VERSION}


def test_the_kafka_of_a_trial_is_the_one_the_tests_run_on() -> None:
    tested = re.findall(
        r"kafka_2.13</artifactId>\s*<version>(.*)</version>", (ROOT / "deploy/kafka/pom.xml").read_text()
    )
    trial = (ROOT / "docker-compose.yml", K8S / "overlays/local/kafka.yaml")
    assert [re.findall(r"image: apache/kafka:(\S+)", path.read_text()) for path in trial] == [tested, tested]


def test_no_file_holds_a_secret() -> None:
    files = [ROOT / "docker-compose.yml", ROOT / ".env.example", *FILES]
    assert {p.name: f for p in files if (f := list(deployment_laws.secrets(p.read_text())))} == {}


def test_overlays_keep_the_laws_and_run_what_the_composition_runs(rendered: dict[str, list[Any]]) -> None:
    for overlay, manifests in rendered.items():
        assert list(deployment.broken(manifests)) == [], overlay
        assert deployment_laws.commands(manifests) == {n: s["command"] for n, s in OURS.items()}, overlay


def deployed() -> list[Any]:
    """A small deployment that keeps all laws."""
    labels = {"app.kubernetes.io/part-of": "kehu"}
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "kehu",
                "image": "kehu:0.1.0",
                "args": ["console"],
                "env": [{"name": "KEHU_HTTP__PORT", "value": "1"}],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {"limits": {"memory": "1Gi"}},
            }
        ],
    }
    return [
        named("Deployment", "console", spec={"template": {"metadata": {"labels": labels}, "spec": pod}}),
        named("Service", "console", spec={"selector": labels}),
        named("ConfigMap", "c", data={"KEHU_GATEWAY__APIS": '{"credit": "http://console:1"}'}),
        named("ScaledObject", "s", spec={"scaleTargetRef": {"name": "console"}, "maxReplicaCount": 12}),
    ]


def named(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, **more}


def pod(manifests: list[Any]) -> dict[str, Any]:
    """That of the deployment."""
    found: dict[str, Any] = manifests[0]["spec"]["template"]["spec"]
    return found


BROKEN: dict[str, tuple[str, Callable[[list[Any], dict[str, Any]], object]]] = {
    "may run as root": ("may run as root", lambda m, c: pod(m)["securityContext"].update(runAsNonRoot=False)),
    "uid 0": ("may run as root", lambda m, c: pod(m)["securityContext"].update(runAsUser=0)),
    "seccomp": ("no seccomp profile", lambda m, c: pod(m)["securityContext"].pop("seccompProfile")),
    "token": ("token of Kubernetes", lambda m, c: pod(m).pop("automountServiceAccountToken")),
    "privileges": ("may gain privileges", lambda m, c: c["securityContext"].pop("allowPrivilegeEscalation")),
    "capabilities": ("may gain privileges", lambda m, c: c["securityContext"].update(capabilities={"drop": []})),
    "file system": ("may write its file system", lambda m, c: c["securityContext"].pop("readOnlyRootFilesystem")),
    "memory": ("no limit of memory", lambda m, c: c.pop("resources")),
    "latest": ("is not pinned", lambda m, c: c.update(image="kehu:latest")),
    "no tag": ("is not pinned", lambda m, c: c.update(image="kehu")),
    "a misspelt setting": ("called KEHU_HTTP__PROT", lambda m, c: c["env"][0].update(name="KEHU_HTTP__PROT")),
    "a setting of no group": ("no setting is called KEHU_X", lambda m, c: m[2]["data"].update(KEHU_X="1")),
    "a secret in the tree": ("Secret k is in the tree", lambda m, c: m.append(named("Secret", "k"))),
    "a secret in the environment": (
        "in its environment",
        lambda m, c: c["env"][0].update(valueFrom={"secretKeyRef": {}}),
    ),
    "a thirteenth worker": ("more than 12", lambda m, c: m[3]["spec"].update(maxReplicaCount=13)),
    "scaled, and a number": ("has a number", lambda m, c: m[0]["spec"].update(replicas=2)),
    "scaled, not there": ("does not exist", lambda m, c: m[3]["spec"].update(scaleTargetRef={"name": "x"})),
    "a service without pods": ("selects no pod", lambda m, c: m[1]["spec"].update(selector={"a": "b"})),
    "a pod under no policy": (
        "not under the policy",
        lambda m, c: (m.pop(1), m[0]["spec"]["template"]["metadata"]["labels"].clear()),
    ),
    "an api that is not there": (
        "no service is called nowhere",
        lambda m, c: m[2].update(data={"KEHU_GATEWAY__APIS": '{"a": "http://nowhere:1"}'}),
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_each_law_bites(how: str) -> None:
    says, breaks = BROKEN[how]
    manifests = deployed()
    assert list(deployment.broken(manifests)) == []
    breaks(manifests, pod(manifests)["containers"][0])
    assert any(says in found for found in deployment.broken(manifests))


@pytest.mark.parametrize(
    "line",
    [
        "url: postgresql://kehu:" + "hunter2" + "@db/kehu",
        "password: 0123456789abcdef0123",
        "-----" + "BEGIN CERTIFICATE",
    ],
)
def test_a_secret_in_a_file_is_seen(line: str) -> None:
    assert list(deployment_laws.secrets(line))


def test_another_number_of_partitions_is_seen() -> None:
    other = copy.deepcopy([it for it in PROD if it["kind"] == "KafkaTopic"])
    other[0]["spec"]["partitions"] = 6
    assert deployment_laws.topics(other) != deployment_laws.topics(PROD)
