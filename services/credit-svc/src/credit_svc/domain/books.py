"""Our books of one customer on a day, as a reconciliation looks at them: what is open of each document, what waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from events.reconciling import BookedKind

Doc = tuple[BookedKind, str]
"""A document: its kind and number."""


@dataclass(frozen=True, slots=True)
class Booked:
    """A document in our books: `amount` and what is `open` of it on the day add to what the customer owes.

    Both are below zero for payments and credit notes, which were set `against` these invoices. One dated after the day
    has nothing open yet.
    """

    doc: Doc
    dated: date
    amount: Decimal
    open: Decimal
    recorded: datetime
    against: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Unbooked:
    """A document the ERP sent that is not in our books: it waits, or was refused by `rule`.

    `amount` is in the account's currency and signed as one of `Booked`.
    """

    doc: Doc
    verdict: Literal["waiting", "rejected"]
    source: str
    message: str
    amount: Decimal
    dated: date
    since: date
    rule: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Books:
    """Of one customer on the day `on`. `currency` None: it has no account.

    `booked` holds all that is open on the day, is named by the statement, has a twin, or came late. `messages` name
    the message of the ERP a document came in, where one is known. `drawn_up`: when the statement was made; None: at
    the end of the day, UTC.
    """

    on: date
    currency: str | None = None
    booked: Mapping[Doc, Booked] = field(default_factory=dict)
    unbooked: Sequence[Unbooked] = ()
    messages: Mapping[Doc, tuple[str, str]] = field(default_factory=dict)
    drawn_up: datetime | None = None

    @property
    def balance(self) -> Decimal:
        """What the customer owes at the end of the day, unallocated cash taken off."""
        return sum((b.open for b in self.booked.values()), Decimal(0))

    def is_late(self, booked: Booked) -> bool:
        """Whether it concerns the day and was not known here when the statement was made."""
        after = booked.recorded > self.drawn_up if self.drawn_up else booked.recorded.date() > self.on
        return booked.dated <= self.on and after
