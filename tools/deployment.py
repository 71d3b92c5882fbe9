"""`make deploy-check`: what is deployed is validated by the programs that will read it, at pinned versions.

Compose, kustomize and kubeconform are built from source (Go) into .tools, once, each beside the others: some four
minutes of two cores on a fresh machine. hadolint comes with the environment. Without Go the rest cannot be checked:
that is said, and with CI=true a failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from tools import deployment_laws as laws

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".tools"
SCHEMAS = ROOT / "deploy" / "k8s" / "schemas"
OVERLAYS = ("local", "prod")
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.1"
KUBECONFORM = "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0"
COMPOSE = "github.com/docker/compose/v5/cmd@v5.6.0"
BUILDING = 1200
NO_GO = (
    "NO GO, SO THE DEPLOYMENT IS NOT VALIDATED: install Go 1.25 or later (https://go.dev/dl), then make deploy-check. "
    "Compose, kustomize and kubeconform are built with it, once"
)


class Refused(Exception):
    """A validator has something against what is deployed; its words."""


def ran(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None, timeout: int = 120) -> str:
    """What it printed. Raises Refused."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False,
                          timeout=timeout)  # fmt: skip
    if done.returncode:
        raise Refused(f"{Path(command[0]).name}: {(done.stdout + done.stderr).strip()[-3000:]}")
    return done.stdout


def tool(package: str) -> Path:
    """Where a tool of this version lies, built if it is not there yet."""
    name = {KUSTOMIZE: "kustomize", KUBECONFORM: "kubeconform", COMPOSE: "docker-compose"}[package]
    folder = PLACE / f"{name}-{package.rpartition('@')[2]}"
    if not (folder / name).exists():
        print(f"building {name} {package.rpartition('@')[2]} (once)", flush=True)
        (_built if package == COMPOSE else _installed)(package, folder, name)
    return folder / name


def _installed(package: str, folder: Path, _: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ran("go", "install", package, env={**os.environ, "GOBIN": str(folder)}, timeout=BUILDING)


def _built(package: str, folder: Path, name: str) -> None:
    """Its module replaces others, so it is no candidate for `go install`: a module of ours requires it."""
    module, path = folder / "module", package.partition("@")[0]
    module.mkdir(parents=True, exist_ok=True)
    (module / "go.mod").write_text("module tools\n\ngo 1.25\n")
    (module / "tools.go").write_text(f'//go:build tools\n\npackage tools\n\nimport _ "{path}"\n')
    ran("go", "get", package, cwd=module, timeout=BUILDING)
    ran("go", "build", "-o", folder / name, path, cwd=module, timeout=BUILDING)


def tools() -> tuple[Path, ...]:
    """Kustomize, kubeconform and Compose."""
    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(tool, (KUSTOMIZE, KUBECONFORM, COMPOSE)))


def rendered(kustomize: Path, overlay: str) -> str:
    """All manifests of an overlay."""
    return ran(kustomize, "build", ROOT / "deploy" / "k8s" / "overlays" / overlay)


def conforms(kubeconform: Path, file: Path) -> str:
    """Raises Refused where a manifest has not the shape of its kind, or the shape of its kind is not known."""
    return ran(kubeconform, "-strict", "-summary", "-schema-location",
               f"{SCHEMAS}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json", file)  # fmt: skip


def manifests(text: str) -> list[Any]:
    return [it for it in yaml.safe_load_all(text) if it]


def broken(found: Sequence[Any]) -> Iterator[str]:
    """What breaks a law of ours."""
    for law in laws.LAWS:
        yield from law(found)


def checked(kustomize: Path, kubeconform: Path, overlay: str) -> str:
    """An overlay, by kubeconform and by our laws. Raises Refused."""
    text = rendered(kustomize, overlay)
    file = PLACE / f"{overlay}.yaml"
    file.write_text(text)
    told = conforms(kubeconform, file).strip()
    if found := [*broken(manifests(text)), *laws.secrets(text)]:
        raise Refused("\n".join(found))
    return told


def steps() -> Iterator[str]:
    """Each a line about what was found in order. Raises Refused."""
    ran(ROOT / ".venv/bin/hadolint", "--failure-threshold", "style", ROOT / "deploy/docker/Dockerfile")
    yield "hadolint: the Dockerfile"
    kustomize, kubeconform, compose = tools()
    for variant in ((), ("--env-file", ".env.example")):
        ran(compose, *variant, "-f", "docker-compose.yml", "config", "-q")
    yield "docker compose config: docker-compose.yml, with .env.example and without"
    for overlay in OVERLAYS:
        yield f"kustomize, kubeconform and our laws: overlay {overlay}: {checked(kustomize, kubeconform, overlay)}"


def main() -> int:
    if shutil.which("go") is None and not PLACE.exists():
        print(NO_GO, file=sys.stderr)
        return int(os.environ.get("CI") == "true")
    PLACE.mkdir(exist_ok=True)
    try:
        for line in steps():
            print(line, flush=True)
    except Refused as refused:
        print(f"THE DEPLOYMENT IS NOT VALID\n{refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
