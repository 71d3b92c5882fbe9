"""`python -m tools.schemas`: writes deploy/k8s/schemas, which kubeconform holds the manifests against.

Needs what deploy/k8s/schemas/README.md names; CI needs none of it.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "deploy" / "k8s" / "schemas"
BUILT_IN: Mapping[str, str] = {
    "ConfigMap": "v1", "HorizontalPodAutoscaler": "autoscaling/v2", "Deployment": "apps/v1", "Ingress": "networking/v1",
    "Job": "batch/v1", "Namespace": "v1", "NetworkPolicy": "networking/v1", "PodDisruptionBudget": "policy/v1",
    "Service": "v1", "ServiceAccount": "v1", "StatefulSet": "apps/v1",
}  # fmt: skip
CUSTOM = (
    "keda.sh_scaledobjects.yaml", "keda.sh_triggerauthentications.yaml", "postgresql.cnpg.io_clusters.yaml",
    "monitoring.coreos.com_servicemonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml",
    "kafka.yaml", "topic.yaml", "user.yaml", "pool.yaml",
)  # fmt: skip


def bare(schema: Any, *, names: bool = False) -> Any:
    """Without what only people read. `names`: these keys are fields of a resource, not words of JSON Schema."""
    if isinstance(schema, list):
        return [bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {k: v for k, v in schema.items() if names or (k != "description" and not k.startswith("x-kubernetes-v"))}
    return {k: bare(v, names=k in ("properties", "definitions") and not names) for k, v in kept.items()}


def inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """With each `$ref` replaced by what it names; where one names itself, anything goes there."""
    return _inlined(schema, definitions, ())


def _inlined(schema: Any, definitions: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(schema, list):
        return [_inlined(one, definitions, within) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(ref := schema.get("$ref"), str):
        name = ref.rpartition("/")[2]
        return {} if name in within else _inlined(definitions[name], definitions, (*within, name))
    return {key: _inlined(value, definitions, within) for key, value in schema.items()}


def strict(schema: Any) -> Any:
    """An unknown field of a resource is an error, where its fields are known and no others are to be kept."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema
    if closed and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema = {**schema, "additionalProperties": False}
    return {key: strict(value) for key, value in schema.items()}


def built_in(folder: Path) -> Iterator[tuple[str, Any]]:
    """Of Kubernetes, from the strict schemas of `kubernetes-validate`."""
    definitions = json.loads((folder / "_definitions.json").read_text())["$defs"]
    for kind, group in BUILT_IN.items():
        name = f"{kind.lower()}-{group.replace('/', '-')}"
        yield name, inlined(json.loads((folder / f"{name}.json").read_text()), definitions)


def custom(folder: Path) -> Iterator[tuple[str, Any]]:
    """Of operators, from their definitions of resources."""
    for name in CUSTOM:
        told = yaml.safe_load((folder / name).read_text())["spec"]
        for version in told["versions"]:
            if version["served"]:
                schema = dict(version["schema"]["openAPIV3Schema"])
                schema["properties"] = {**schema["properties"], "metadata": {"type": "object"},
                                        "apiVersion": {"type": "string"}, "kind": {"type": "string"}}  # fmt: skip
                group = told["group"].partition(".")[0]
                yield f"{told['names']['kind'].lower()}-{group}-{version['name']}", strict(schema)


def main(kubernetes: str, definitions: str) -> int:
    for name, schema in (*built_in(Path(kubernetes)), *custom(Path(definitions))):
        (PLACE / f"{name}.json").write_text(json.dumps(bare(schema), separators=(",", ":"), sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
