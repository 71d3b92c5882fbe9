"""What is measured over the facts, and in which scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics_svc.domain.figures import UNALLOCATED, Edges, Point, Window
from events.base import Amount, Value

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which facts a figure speaks of. None: all customers; all currencies (only where nothing is added); all dates."""

    point: Point
    customers: Sequence[str] | None = None
    currency: str | None = None
    window: Window | None = None


class Balance(Value):
    """What is owed: `receivable` on instalments, `unallocated` cash and credit (negative), `outstanding` their sum."""

    receivable: Amount = ZERO
    unallocated: Amount = ZERO
    outstanding: Amount = ZERO


class CustomerBalance(Balance):
    customer: str


class Bucket(Value):
    """One row of an ageing: `unallocated` is the negative one."""

    bucket: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Overdue:
    """The oldest due date a customer has missed and the amount overdue on all of them."""

    customer: str
    oldest: date
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class LimitUse:
    """What a customer uses of its limit. `limit` None: unlimited. A breach is strictly more than the limit."""

    customer: str
    used: Decimal
    limit: Decimal | None
    currency: str

    @property
    def breached(self) -> bool:
        return self.limit is not None and self.used > self.limit


@dataclass(frozen=True, slots=True)
class LimitUses:
    """The use of every limit, and how many are kept, absent and broken."""

    uses: Sequence[LimitUse]

    def shown(self, only_breached: bool) -> list[LimitUse]:
        """All, or those above their limit."""
        return [use for use in self.uses if use.breached or not only_breached]

    @property
    def unlimited(self) -> int:
        return sum(1 for use in self.uses if use.limit is None)

    @property
    def breaches(self) -> int:
        return sum(1 for use in self.uses if use.breached)


@dataclass(frozen=True, slots=True)
class Assets:
    """R-118: total assets as last reported."""

    amount: Decimal
    currency: str


class Totals(Value):
    """Sums and counts of a window. `credit_sales` is billed less credit notes, gross of tax.

    `with_cost` and `without_cost` are order intake of known and of unknown cost.
    """

    order_intake: Amount = ZERO
    billed: Amount = ZERO
    credited: Amount = ZERO
    credit_sales: Amount = ZERO
    sales: Amount = ZERO
    gross_profit: Amount = ZERO
    with_cost: Amount = ZERO
    without_cost: Amount = ZERO
    paid: Amount = ZERO
    orders: int = 0
    cancelled_orders: int = 0
    invoices: int = 0
    credit_notes: int = 0
    payments: int = 0
    customers: int = 0


def aged(open_amounts: Sequence[tuple[date | None, Decimal]], as_of: date, edges: Edges) -> list[Bucket]:
    """R-119: open amounts by date as buckets, and the unallocated row: what has no date. They are all there is."""
    sums = dict.fromkeys((*edges.names, UNALLOCATED), ZERO)
    for due, amount in open_amounts:
        sums[UNALLOCATED if due is None else edges.bucket((as_of - due).days)] += amount
    return [Bucket(bucket=name, amount=amount) for name, amount in sums.items()]
