"""Traces: one request followed through commands, the log, the bus and the views. Nothing happens where nobody follows.

The chain is the `traceparent` (W3C Trace Context) in the meta of each event: that of the command's span. It travels
with the event, in the log and in the record of a topic: whoever works on an event tells so in the trace that led to it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["internal", "server", "producer", "consumer"]
Attributes = Mapping[str, str | int]
"""Names, counts and outcomes; never personal data, never a body."""
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
"""Groups: trace, span, flags, as hexadecimal digits."""
MOST = 50
"""Traces in which one batch is told of: one that holds more is an import, and each of them tells the same."""


class Span(Protocol):
    """Something that is going on in a trace."""

    @property
    def traceparent(self) -> str:
        """What is done for it names this."""
        ...

    def end(self, attributes: Attributes, name: str | None = None) -> None:
        """It is over; `name` where it is known only now."""
        ...


class Tracer(Protocol):
    """Where spans go."""

    def begin(self, name: str, parent: str | None, attributes: Attributes, kind: Kind) -> Span:
        """Something begins, for `parent` or for itself."""
        ...

    def tell(self, name: str, parent: str, seconds: float, attributes: Attributes, kind: Kind) -> None:
        """Something that took so long is over now."""
        ...


@dataclass(slots=True)
class Traces:
    """Those of this process; `tracer` is None where nobody follows."""

    tracer: Tracer | None = None

    def begin(self, name: str, parent: str | None, attributes: Attributes, kind: Kind = "internal") -> Span | None:
        """The span of something that begins, None where nobody follows."""
        return None if self.tracer is None else self.tracer.begin(name, parent, attributes, kind)

    def tell(
        self, name: str, parents: Iterable[str | None], seconds: float, attributes: Attributes, kind: Kind = "internal"
    ) -> None:
        """Work that was done for several at once and took so long: told in the trace of each, MOST of them.

        Ask for `tracer` first where it costs something to say whose work it was.
        """
        if self.tracer is not None:
            named = dict.fromkeys(parent for parent in parents if parent)
            for parent, _ in zip(named, range(MOST), strict=False):
                self.tracer.tell(name, parent, seconds, attributes, kind)


TRACES = Traces()
