"""What can be measured over the facts: a port, so that the same figures can come from a columnar mirror."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, Protocol

from analytics_svc.domain.figures import CURRENT, UNALLOCATED, Edges, Measure, Point, UsedAmount, Window
from analytics_svc.domain.payment_behaviour import PaidOn, PaidSums
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
    """Sums and counts of a window. `credit_sales` is billed less credit notes, gross of tax."""

    order_intake: Amount = ZERO
    billed: Amount = ZERO
    credited: Amount = ZERO
    credit_sales: Amount = ZERO
    sales: Amount = ZERO
    gross_profit: Amount = ZERO
    without_cost: Amount = ZERO
    paid: Amount = ZERO
    orders: int = 0
    cancelled_orders: int = 0
    invoices: int = 0
    credit_notes: int = 0
    payments: int = 0
    customers: int = 0


class Measures(Protocol):
    """Every measure is a function of the facts in a scope; amounts in the scope's currency."""

    async def currencies(self, scope: Scope) -> Sequence[str]:
        """The currencies of the customers in the scope, as known at its time."""
        ...

    async def balance(self, scope: Scope) -> Balance:
        """What is owed by the customers of the scope together."""
        ...

    async def by_due_date(self, scope: Scope) -> Sequence[tuple[date | None, Decimal]]:
        """What is open by due date; without a date what is unallocated."""
        ...

    async def overdue(self, scope: Scope) -> Sequence[Overdue]:
        """The customers with something overdue at `as_of`."""
        ...

    async def limit_use(self, scope: Scope, measure: UsedAmount) -> Sequence[LimitUse]:
        """Every customer with a limit (or unlimited) in force, ordered by id, with the amount used."""
        ...

    async def totals(self, scope: Scope) -> Totals:
        """Sums and counts of the scope's window."""
        ...

    async def ranking(
        self, scope: Scope, measure: Measure, by: Literal["customer", "product"]
    ) -> Sequence[tuple[str, Decimal]]:
        """The amount of every customer (those without any at 0) or of every product with one."""
        ...

    async def paid(self, scope: Scope) -> PaidSums:
        """What was paid in full within the scope's window."""
        ...

    async def paid_by_customer(self, scope: Scope) -> Sequence[tuple[str, PaidSums]]:
        """The same for each customer that paid something in full, ordered by id."""
        ...

    async def paid_by_days_late(self, scope: Scope) -> Sequence[PaidOn]:
        """The same by days late, 0 and above."""
        ...

    async def assets(self, point: Point) -> Assets | None:
        """Total assets of the selling company, None before they were reported."""
        ...


def aged(open_amounts: Sequence[tuple[date | None, Decimal]], as_of: date, edges: Edges) -> list[Bucket]:
    """R-119: the buckets and the unallocated row; together they are the outstanding balance."""
    sums = dict.fromkeys((*edges.names, UNALLOCATED), ZERO)
    for due, amount in open_amounts:
        sums[UNALLOCATED if due is None else edges.bucket((as_of - due).days)] += amount
    return [Bucket(bucket=name, amount=amount) for name, amount in sums.items()]


def due_within(bucket: str, as_of: date, edges: Edges) -> tuple[date | None, date | None]:
    """First and last due date of a bucket, None where it is open."""
    index = edges.names.index(bucket)
    lower, upper = (0, *edges.upper), edges.upper
    last = None if bucket == CURRENT else _before(as_of, lower[index - 1] + 1)
    first = _before(as_of, upper[index - 1] if 0 < index <= len(upper) else 0)
    return (None if index > len(upper) else first), last


def _before(day: date, days: int) -> date:
    return date.fromordinal(day.toordinal() - days)
