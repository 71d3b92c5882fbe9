"""What a check found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`note`: works, and is worth knowing. `wrong`: something does not work, or is about to stop. `do`: what helps."""

    check: str
    state: State
    what: str
    do: str | None = None


def ok(check: str, what: str) -> Finding:
    """As it should be."""
    return Finding(check, "ok", what)
