"""What a sabotage is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guarantee:
    """`tests` (pytest node ids) are green with `holds` in `file`, and at least one is red with `broken` instead."""

    name: str
    file: str
    holds: str
    broken: str
    tests: tuple[str, ...]
    waits: bool = False
    """Without it a test waits in vain until it loses patience: tens of seconds in which nothing is done."""
