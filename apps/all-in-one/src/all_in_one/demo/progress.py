"""How far the demo company is, for the terminal, the page and `kehu demo status`."""

from dataclasses import dataclass, field
from datetime import date
from time import monotonic
from typing import Literal

from pydantic import BaseModel, Field

PATH = "/console/demo"
"""Where a server says how far its demo company is."""
DENSITY = 0.6
"""How much the customers without a story trade: 1 makes 12,700 documents in all, 0.6 9,000, 0.05 3,800."""
State = Literal["none", "loading", "live", "moving", "stopped"]


class DemoStatus(BaseModel):
    """`demo` false: a company of somebody's own. `loading`: its history comes in; `moving`: a new day does."""

    demo: bool
    state: State
    done: int = Field(description="Documents taken of `total`, since it began to load or to move.")
    total: int
    seconds_left: float | None = Field(description="An estimate; null while there is nothing to go by.")
    seed: int | None = None
    until: date | None = Field(default=None, description="The last day of its history; what is later was lived.")
    through: date | None = Field(default=None, description="The last day whose documents have come in.")
    refused: int = Field(default=0, description="Documents refused since the start: somebody had changed something.")
    problem: str | None = None


@dataclass(slots=True)
class Progress:
    """Counts documents. `since` is when counting began; `loaded` documents of history came in, which `took` seconds."""

    state: State = "none"
    done: int = 0
    total: int = 0
    refused: int = 0
    through: date | None = None
    problem: str | None = None
    loaded: int = 0
    took: float = 0.0
    since: float = field(default_factory=monotonic)

    def begin(self, state: State, total: int) -> None:
        """Count `total` documents from now on."""
        self.state, self.done, self.total, self.since, self.problem = state, 0, total, monotonic(), None

    def add(self, documents: int) -> None:
        """So many more were taken."""
        self.done += documents

    @property
    def seconds(self) -> float:
        """Since counting began."""
        return monotonic() - self.since

    @property
    def seconds_left(self) -> float | None:
        """If it goes on like this."""
        if self.state not in ("loading", "moving") or not self.done:
            return None
        return round(self.seconds / self.done * (self.total - self.done), 1)
