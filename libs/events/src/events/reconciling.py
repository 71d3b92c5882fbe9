"""Facts credit-svc states about a reconciliation 对账 with the ERP: what was compared, what differed and why."""

from datetime import date
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, StringConstraints

from events.base import CustomerId, Event, Id, Money, Value

ExplanationKind = Literal[
    "waiting",
    "rejected",
    "late",
    "duplicate",
    "missing_here",
    "missing_there",
    "amount_differs",
    "unallocated",
    "other_currency",
    "items_incomplete",
    "unexplained",
]
"""Why a balance of the ERP differs from ours; `unexplained` is what nothing known accounts for."""
BookedKind = Literal["invoice", "payment", "credit_note"]
"""What moves a receivable: an invoice adds to it, the others take from it."""


class Explanation(Value):
    """One reason of a difference: `amount` is its share of it, ours less theirs.

    `source` and `message` name the message of the ERP it is about, where one is known; `since` the day from which it
    has been so; `rule` what refused it, with `params`. `more`: so many others of this kind are summed up in the line.
    """

    kind: ExplanationKind
    amount: Money
    document: Id | None = None
    document_kind: BookedKind | None = None
    source: Annotated[str, StringConstraints(max_length=255)] | None = None
    message: Annotated[str, StringConstraints(max_length=255)] | None = None
    since: date | None = None
    rule: Id | None = None
    params: dict[str, str] = Field(default_factory=dict)
    more: Annotated[int, Field(ge=0)] = 0


class ReconciliationMade(Event):
    """Balances of the ERP were compared with ours on a date, as known then.

    `equal` of `compared` balances were the same; each of the others has a BalanceDiffered in the same stream.
    `unexplained` counts those of which a part remained unexplained. `digest` is that of the statement.
    """

    type: ClassVar[str] = "credit.ReconciliationMade"
    reconciliation: Id
    source: Annotated[str, StringConstraints(max_length=255)]
    as_of: date
    compared: Annotated[int, Field(ge=0)]
    equal: Annotated[int, Field(ge=0)]
    unexplained: Annotated[int, Field(ge=0)]
    digest: Annotated[str, StringConstraints(max_length=64)]
    asked_by: Annotated[str, StringConstraints(max_length=200)]

    def effective_on(self) -> date:
        return self.as_of


class BalanceDiffered(Event):
    """The ERP's balance of a customer differed from ours on a date; the explanations sum to `difference`, ours less
    theirs.
    """

    type: ClassVar[str] = "credit.BalanceDiffered"
    customer: CustomerId
    reconciliation: Id
    as_of: date
    ours: Money
    theirs: Money
    difference: Money
    explanations: Annotated[tuple[Explanation, ...], Field(min_length=1)]

    def effective_on(self) -> date:
        return self.as_of


ReconciliationEvent: TypeAlias = ReconciliationMade | BalanceDiffered
"""What a reconciliation found."""
EVENTS: tuple[type[Event], ...] = (ReconciliationMade, BalanceDiffered)
