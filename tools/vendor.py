"""Files of others that lie in this tree: fetched in the version that tools/vendored.toml names, and verified.

`python -m tools.vendor` fetches each package anew (npm is needed), and writes nothing that has another sha256 than the
one written down. `--pin` writes the hashes of what was fetched down instead: for a new version, after a look at it.
"""

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tools" / "vendored.toml"


class Altered(Exception):
    """What was fetched is not what was looked at when it was taken in."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm, and the files of it that are kept in `to`: path in the package -> sha256."""

    name: str
    version: str
    licence: str
    to: str
    files: Mapping[str, str]

    def kept(self) -> Iterator[tuple[Path, str]]:
        """Where each file lies in this tree, and its sha256."""
        return ((ROOT / self.to / Path(inside).name, digest) for inside, digest in self.files.items())

    def fetch(self) -> dict[str, bytes]:
        """The files as the registry has them."""
        with tempfile.TemporaryDirectory() as folder:
            command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{self.name}@{self.version}"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(folder).glob("*.tgz")
            with tarfile.open(archive) as tar:
                return {inside: _read(tar, f"package/{inside}") for inside in self.files}

    def checked(self, found: Mapping[str, bytes]) -> None:
        """Raises Altered where a file has another hash than the one written down."""
        for inside, content in found.items():
            if (digest := sha256(content)) != self.files[inside]:
                raise Altered(f"{self.name} {self.version}: {inside} has sha256 {digest}, not {self.files[inside]}")

    def write(self, found: Mapping[str, bytes]) -> None:
        (ROOT / self.to).mkdir(parents=True, exist_ok=True)
        for inside, content in found.items():
            (ROOT / self.to / Path(inside).name).write_bytes(content)


def packages() -> list[Package]:
    """All that is vendored."""
    return [Package(**told) for told in tomllib.loads(LIST.read_text())["package"]]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    found = tar.extractfile(name)
    if found is None:
        raise Altered(f"{name} is no file")
    return found.read()


def pin(package: Package, found: Mapping[str, bytes]) -> None:
    """Write down the hashes of `found`, in the part of the list that is about `package`."""
    head, mark, rest = LIST.read_text().partition(f'name = "{package.name}"')
    part, following, tail = rest.partition("[[package]]")
    for inside, content in found.items():
        part = re.sub(rf'^"{re.escape(inside)}" = .*$', f'"{inside}" = "{sha256(content)}"', part, flags=re.MULTILINE)
    LIST.write_text(head + mark + part + following + tail)


def main(new: bool) -> int:
    """The exit code."""
    for package in packages():
        found = package.fetch()
        if new:
            pin(package, found)
        else:
            package.checked(found)
        package.write(found)
        print(f"{package.name} {package.version} ({package.licence}): {len(found)} files in {package.to}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main("--pin" in sys.argv[1:]))
    except (Altered, subprocess.CalledProcessError, FileNotFoundError) as stopped:
        sys.exit(f"nothing more was written: {stopped}")
