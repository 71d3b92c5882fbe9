"""How a company is known to be the demo: the first document it ever took came from the demo's ERP."""

import re
from dataclasses import dataclass
from datetime import date

from all_in_one.demo.company.buyers import Firm

EDITION = 1
"""Rises when the same seed and day give other documents; a company of another edition cannot be gone on with."""
_SOURCE = re.compile(r"/kehu/demo/(\d+)/(\d+)/(\d{4}-\d\d-\d\d)/([\d.]+)")


@dataclass(frozen=True, slots=True)
class Marker:
    """Which demo company this is. It is kept where it cannot be lost: as `source` of every document."""

    seed: int
    until: date
    density: float
    edition: int = EDITION

    @property
    def lives(self) -> bool:
        """Whether it goes on: one of another edition would contradict its own past."""
        return self.edition == EDITION

    @property
    def source(self) -> str:
        """The CloudEvents source of its documents."""
        return f"/kehu/demo/{self.edition}/{self.seed}/{self.until}/{self.density}"

    @classmethod
    def of(cls, source: str) -> "Marker | None":
        """The demo company whose documents come from `source`; None if that is another system."""
        match = _SOURCE.fullmatch(source)
        if match is None:
            return None
        return cls(int(match[2]), date.fromisoformat(match[3]), float(match[4]), int(match[1]))

    def firm(self) -> Firm:
        """The company itself."""
        return Firm.seeded(self.seed, self.until, self.density)
