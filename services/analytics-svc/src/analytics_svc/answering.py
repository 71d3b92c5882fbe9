"""What all figures share: the two times, the positions they speak of, their explanation."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any, Protocol, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from analytics_svc.domain.figures import Point, Window, the_currency
from analytics_svc.domain.measures import Scope
from analytics_svc.projections.facts import pageable
from analytics_svc.projections.mirror import Mirror
from analytics_svc.projections.stored import FACTS, FactRows, PostgresRows, StoredMeasures
from chassis.amounts import InCurrency
from chassis.context import Page, Paged, Read, Today, Who
from chassis.paging import Paging
from chassis.parameters import Day, Instant
from chassis.problems import Defect, Malformed, Problem
from chassis.settings import Settings
from engine.database import Connection, Database
from engine.decider import Rejected
from engine.keyset import Column, Selection
from engine.ports import Bus
from engine.projection import View
from engine.standing import Reach, reach
from events.base import Amount, Currency

DEFAULT_CURRENCY = "CNY"
"""Of figures while there is no customer yet."""
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


def as_of_day(
    today: Today,
    as_of: Annotated[
        Day | None, Query(description="Effective up to this day; the open business day otherwise.")
    ] = None,
) -> date:
    """The day a figure is asked for."""
    return as_of or today


AsOf = Annotated[date, Depends(as_of_day)]
Customer = Annotated[str | None, Query(description="Only this customer; all of them otherwise.", examples=["C-103"])]
Part = Annotated[str, Query(description="Which part of the figure; those it has are named above.")]
First = Annotated[Day | None, Query(alias="from", description="First day of the window; all up to as_of otherwise.")]


class Stated(BaseModel):
    """What every answer says about itself.

    `through` names, by topic, the position up to which all events are in it; `provisional`: `known_at` lies beyond what
    is known for sure, so the same question may be answered otherwise later. `parked` names customers (100 at most) of
    whom something could not be folded and waits for a person: that, and what came after it, is missing here.
    """

    as_of: date = Field(examples=["2005-06-09"])
    known_at: datetime
    provisional: bool
    through: dict[str, int] = Field(examples=[{"credit": 4711}])
    parked: list[str] = Field(examples=[["C-103"]])


class Figure(Stated, InCurrency):
    """An answer in one currency."""

    currency: str = Field(examples=["CNY"])


class EntryRow(BaseModel):
    """One event's share of a figure."""

    model_config = ConfigDict(from_attributes=True)

    event: UUID
    customer: str | None
    document: str | None
    kind: str
    amount: Amount
    effective: date
    recorded: datetime
    topic: str
    position: int


class PartSum(BaseModel):
    """A part of a figure (a ratio has two, an ageing one a bucket) and what its events add up to."""

    part: str = Field(examples=["numerator"])
    total: Amount = Field(examples=["511497.20"])


class Explanation(Stated, InCurrency):
    """The events behind one part of a figure; all pages together add up to its total.

    A count lists its members, each as one, and has no `currency`.
    """

    currency: str | None = Field(examples=["CNY"])
    parts: list[PartSum]
    part: str
    entries: Paged[EntryRow]


class Hosting(Protocol):
    """What figures need of the runtime."""

    @property
    def bus(self) -> Bus: ...

    @property
    def database(self) -> Database: ...

    @property
    def settings(self) -> Settings: ...

    async def owned(self, employee: str, customers: Collection[str]) -> frozenset[str]:
        """Those of `customers` that `employee` looks after."""
        ...


@dataclass(frozen=True, slots=True)
class Figures:
    """Answers the figures of one request."""

    facts: FactRows
    measures: StoredMeasures
    point: Point
    reach: Reach
    named_currency: str | None

    async def scope(self, customer: str | None = None, window: Window | None = None) -> Scope:
        """What is asked for, in the currency named or the only one there is. Raises the problem of several."""
        scope = Scope(self.point, None if customer is None else (customer,), None, window)
        present = () if self.named_currency else await self.measures.currencies(scope)
        currency = checked(lambda: the_currency(self.named_currency, present, DEFAULT_CURRENCY))
        return Scope(self.point, scope.customers, currency, window)

    @property
    def stated(self) -> dict[str, Any]:
        """The fields of Stated."""
        return {
            "as_of": self.point.as_of,
            "known_at": self.point.known_at,
            "provisional": self.point.known_at > self.reach.watermark,
            "through": dict(self.reach.through),
            "parked": list(self.reach.parked),
        }

    async def page(
        self,
        page: Paging,
        query: Selection,
        *order: Column,
        make: Callable[[dict[Any, Any]], M],
        descending: bool = False,
    ) -> Paged[M]:
        """One page of `query` sorted by `order`, each row as `make` makes it."""
        found = await self.facts.rows(page.selection(query, *order, descending=descending))
        return page.filled(found, *order, make=make)

    async def explain(
        self,
        page: Paging,
        scope: Scope,
        parts: Mapping[str, Selection],
        part: str,
        *,
        alone: bool = False,
        counted: Collection[str] = (),
    ) -> Explanation:
        """The events of `part`, one page of them, and the totals of all parts (`alone`: of this one).

        `counted` are the parts that are counts.
        """
        one_of("part", part, parts)
        added = {part: parts[part]} if alone else parts
        sums = [PartSum(part=name, total=await self.measures.summed(query)) for name, query in added.items()]
        query, order = pageable(parts[part])
        entries = await self.page(page, query, *order, make=EntryRow.model_validate)
        currency = None if part in counted else scope.currency or DEFAULT_CURRENCY
        return Explanation(**self.stated, currency=currency, parts=sums, part=part, entries=entries)


def one_of(parameter: str, value: str, known: Collection[str]) -> str:
    """The value. Raises the problem of one that is none of those known."""
    if value not in known:
        place = Defect(pointer=f"/query/{parameter}", message=f"one of {', '.join(known)}")
        raise Problem(Malformed(), errors=[place])
    return value


def checked(answer: Callable[[], T]) -> T:
    """What `answer` gives. Raises the problem of the rule that refuses."""
    try:
        return answer()
    except Rejected as rule:
        raise Problem(rule) from None


def over(*views: View) -> Any:
    """``Annotated[Figures, over(receivables.VIEW)]``: figures that speak of what these views have folded."""

    async def figures(
        request: Request,
        read: Read,
        principal: Who,
        as_of: AsOf,
        known_at: Annotated[Instant | None, Query(description="As recorded up to this instant; all otherwise.")] = None,
        currency: Annotated[
            Currency | None, Query(description="Needed where there are several.", examples=["CNY"])
        ] = None,
    ) -> Figures:
        hosting = cast(Hosting, request.app.state.runtime)
        found = await reach(hosting.database.pool, hosting.bus, views)
        if principal.own is not None:
            found = replace(found, parked=sorted(await hosting.owned(principal.own, found.parked)))
        point = Point(as_of, known_at or found.watermark)
        facts = _facts(request, read, found) if principal.own is None else PostgresRows(read)
        return Figures(facts, StoredMeasures(facts), point, found, currency)

    return Depends(figures)


def _facts(request: Request, read: Connection, found: Reach) -> FactRows:
    """Who is asked: the database about one customer and while there is little, the mirror about all of much."""
    state, hosting = request.app.state, cast(Hosting, request.app.state.runtime)
    given = hosting.settings.mirror
    if request.query_params.get("customer") or sum(found.through.values()) < given.from_events:
        return PostgresRows(read)
    if not hasattr(state, "mirror"):
        state.mirror = Mirror(hosting.database, hosting.bus, FACTS, given.memory)
    return cast(Mirror, state.mirror)


__all__ = [
    "AsOf", "Customer", "Explanation", "Figure", "Figures", "First", "Page", "Part", "Stated", "checked", "one_of",
    "over",
]  # fmt: skip
