"""How a view is told: which events, folded how, into which table. Pure; `engine.projector` runs it.

A view is a table nobody else writes. Three kinds, from the cheapest:
`Ledger` appends rows, `Totals` adds to columns of a row, `Rows` folds an event into the row it finds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from events.base import Event
from events.envelope import Envelope

if TYPE_CHECKING:
    from sqlalchemy import Table

R = TypeVar("R")
Key = tuple[Any, ...]
Row = tuple[Any, ...]
"""Values in the order of the table's columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What all views share.

    `table.name` is the view's name; the rows lie in ``<name>_v<version>_<build>`` and are read under the plain name.
    `version` rises with every change of the fold or the columns: the view is then built anew beside the old one.
    `handles` are the events it declares; all others are skipped. Folds over several topics must commute.
    `touches`: the customers of the folded events are marked for the evaluator in the same transaction.
    """

    table: "Table"
    version: int
    handles: tuple[type[Event], ...]
    touches: bool = False

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(sorted({e.context() for e in self.handles}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger(View):
    """Rows that are only ever added: `fold` gives those of one event (values in column order)."""

    fold: Callable[[Envelope[Any]], Iterable[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(View):
    """Sums by key: `fold` gives (key, amounts to add); key columns come first in the table, then the summed ones."""

    fold: Callable[[Envelope[Any]], Iterable[tuple[Key, Sequence[Any]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(View):
    """One row a key: `keys` names the rows an event concerns, `fold` gives a row's new values, None to delete it.

    The row passed in is the tuple of its values in column order, or None where there is none yet. Primary key columns
    come first in the table.
    """

    keys: Callable[[Envelope[Any]], Iterable[Key]]
    fold: Callable[[Key, Row | None, Envelope[Any]], Row | None]


def replaced(names: Sequence[str], row: Row, changes: Mapping[str, Any]) -> Row:
    """`row` with the columns named in `changes` set anew."""
    values = dict(zip(names, row, strict=True)) | dict(changes)
    return tuple(values[n] for n in names)
