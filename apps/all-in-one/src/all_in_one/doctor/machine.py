"""The machine: Python, packages, time zones, the port."""

import socket
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from packaging.requirements import InvalidRequirement, Requirement

from all_in_one.doctor.finding import Finding, ok

LOCK = Path(__file__).parents[5] / "requirements.lock"
"""Of a clone; there is none beside packages that were installed."""
OLDEST = (3, 11)
NAMED = 5


def python(present: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Whether this Python is new enough."""
    found = ".".join(map(str, present))
    if present >= OLDEST:
        return ok("python", found)
    return Finding("python", "wrong", f"this is {found}", "install Python 3.11 or later: make PYTHON=python3.12 setup")


def packages(lock: Path = LOCK) -> Finding:
    """Whether what is installed is what requirements.lock says."""
    if not lock.exists():
        return Finding("packages", "note", "no requirements.lock beside this installation: nothing to compare with")
    differing = sorted(differences(lock.read_text(encoding="utf-8")))
    if not differing:
        return ok("packages", "as in requirements.lock")
    more = f" and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
    return Finding("packages", "wrong", "; ".join(differing[:NAMED]) + more, "make clean setup")


def differences(lock: str) -> Iterator[str]:
    """Locked packages this environment lacks or has in another version."""
    for line in lock.splitlines():
        try:
            wanted = Requirement(line.removesuffix("\\").strip())
        except InvalidRequirement:
            continue  # a line of hashes
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            yield f"{wanted.name} is missing"
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            yield f"{wanted.name} is {found}, not {str(wanted.specifier).removeprefix('==')}"


def time_zone(name: str) -> Finding:
    """Whether business dates can be told."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        help_ = "set KEHU_COMPANY__TIME_ZONE to an IANA name (Asia/Shanghai); where all are unknown: make clean setup"
        return Finding("time zone", "wrong", f"{name} is unknown here", help_)
    return ok("time zone", name)


def port(host: str, number: int, *, ours: bool) -> Finding:
    """Whether Kehu answers on its port (`ours`), or could."""
    if ours:
        return ok("port", f"Kehu answers on {host}:{number}")
    try:
        socket.create_server((host, number)).close()
    except OSError as taken:
        why = str(taken.strerror).partition(" (")[0].lower()
        what = f"{host}:{number}: {why}, and it is not Kehu that answers"
        return Finding("port", "wrong", what, f"make run PORT={number + 1}")
    return ok("port", f"{host}:{number} is free")
