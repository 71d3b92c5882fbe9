"""The measures over the fact tables: selections, all answered in one place, so that a mirror may answer them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics_svc.domain.ageing import Disputed
from analytics_svc.domain.figures import Basis, Measure, Point, UsedAmount
from analytics_svc.domain.measures import Assets, Balance, LimitUse, Overdue, Scope, Totals
from analytics_svc.domain.payment_behaviour import PaidOn, PaidSums
from analytics_svc.projections import (
    ageing,
    assets,
    complaints,
    customers,
    exposures,
    payment_behaviour,
    profiles,
    receivables,
    sales,
    terms,
)
from analytics_svc.projections.facts import total

FACTS = (
    customers.VIEW,
    profiles.VIEW,
    receivables.VIEW,
    sales.VIEW,
    exposures.VIEW,
    terms.VIEW,
    assets.VIEW,
    complaints.VIEW,
)
"""The tables of facts: all that figures are measured over."""


class FactRows(Protocol):
    """Where selections over the fact tables are answered: here, or by a columnar mirror of the same tables."""

    async def rows(self, query: sa.Select[Any]) -> Sequence[Mapping[Any, Any]]:
        """The rows of `query`, by column name."""
        ...


@dataclass(frozen=True, slots=True)
class PostgresRows:
    """Answered by this service's own database."""

    read: AsyncConnection

    async def rows(self, query: sa.Select[Any]) -> Sequence[Mapping[Any, Any]]:
        found: Sequence[Mapping[Any, Any]] = (await self.read.execute(query)).mappings().all()
        return found


@dataclass(frozen=True, slots=True)
class StoredMeasures:
    """Every measure is a function of the facts in a scope, in a query or two; amounts in the scope's currency."""

    facts: FactRows

    async def currencies(self, scope: Scope) -> Sequence[str]:
        """The currencies of the customers in the scope, as known at its time."""
        every_date = replace(scope, point=replace(scope.point, as_of=date.max), currency=None, window=None)
        both = sa.union(customers.currencies(every_date), terms.currencies(every_date)).subquery()
        return [r["currency"] for r in await self.facts.rows(sa.select(both))]

    async def balance(self, scope: Scope) -> Balance:
        """What is owed by the customers of the scope together."""
        return Balance.model_validate(await self._one(receivables.balance(scope)))

    async def by_date(
        self, scope: Scope, basis: Basis = "due", disputed: Disputed = "included"
    ) -> Sequence[tuple[date | None, Decimal]]:
        """What is open by the date its age is counted from; without a date what is unallocated."""
        return [(r["day"], r["amount"]) for r in await self.facts.rows(ageing.by_date(scope, basis, disputed))]

    async def overdue(self, scope: Scope) -> Sequence[Overdue]:
        """The customers with something overdue at `as_of`."""
        return [Overdue(**r) for r in await self.facts.rows(receivables.overdue(scope))]

    async def limit_use(self, scope: Scope, measure: UsedAmount) -> Sequence[LimitUse]:
        """Every customer with a limit (or unlimited) in force, ordered by id, with the amount used."""
        used = {r["customer"]: (r["amount"], r["currency"]) for r in await self.facts.rows(_used(scope, measure))}
        limits = await self.facts.rows(terms.in_force(scope))
        found = [self._use(r["customer"], r["limit_amount"], r["currency"], used) for r in limits]
        return sorted((u for u in found if scope.currency in (None, u.currency)), key=lambda u: u.customer)

    @staticmethod
    def _use(
        customer: str, limit: Decimal | None, currency: str | None, used: Mapping[str, tuple[Decimal, str]]
    ) -> LimitUse:
        amount, account = used.get(customer, (Decimal(0), currency or ""))
        return LimitUse(customer, amount, limit, currency or account)

    async def totals(self, scope: Scope) -> Totals:
        """Sums and counts of the scope's window."""
        sold = await self._one(sales.totals(scope))
        came_in = await self._one(receivables.payments(scope))
        return Totals.model_validate({**sold, **came_in, "customers": await self.customers(scope)})

    async def credit_sales(self, scope: Scope) -> Decimal:
        """R-122: the sales of the scope's window that DSO divides by, alone: one sum where `totals` counts as well."""
        return Decimal((await self._one(sales.credit_sales(scope)))["amount"])

    async def customers(self, scope: Scope) -> int:
        """How many customers there are."""
        found = await self._one(customers.number(replace(scope, currency=None, window=None)))
        return int(found["customers"])

    async def by_product(self, scope: Scope, measure: Measure) -> Mapping[str, Decimal]:
        """The amount of every product with one."""
        rows = await self.facts.rows(sales.ranking(scope, measure, "product"))
        return {r["subject"]: r["amount"] for r in rows}

    async def paid(self, scope: Scope, disputed: Disputed = "included") -> PaidSums:
        """What was paid in full within the scope's window; of invoices once disputed or not."""
        return PaidSums.model_validate(await self._one(payment_behaviour.sums(scope, disputed)))

    async def paid_by_customer(self, scope: Scope, disputed: Disputed = "included") -> Sequence[tuple[str, PaidSums]]:
        """The same for each customer that paid something in full, ordered by id."""
        rows = await self.facts.rows(payment_behaviour.by_customer(scope, disputed))
        found = {r["customer"]: PaidSums(**{n: v for n, v in r.items() if n != "customer"}) for r in rows}
        return sorted(found.items())

    async def paid_by_days_late(self, scope: Scope, disputed: Disputed = "included") -> Sequence[PaidOn]:
        """The same by days late, 0 and above."""
        return [PaidOn(**r) for r in await self.facts.rows(payment_behaviour.by_days_late(scope, disputed))]

    async def assets(self, point: Point) -> Assets | None:
        """R-118: total assets of the selling company, None before they were reported."""
        found = await self.facts.rows(assets.in_force(point))
        return Assets(found[0]["amount"], found[0]["currency"]) if found else None

    async def summed(self, entries: sa.Select[Any]) -> Decimal:
        """What the entries of an explanation add up to."""
        return Decimal((await self._one(total(entries)))["total"])

    async def _one(self, query: sa.Select[Any]) -> Mapping[Any, Any]:
        (row,) = await self.facts.rows(query)
        return dict(row)


def _used(scope: Scope, measure: UsedAmount) -> sa.Select[Any]:
    return exposures.balances(scope) if measure == "exposure" else receivables.owed(scope)


def used_entries(scope: Scope, measure: UsedAmount) -> sa.Select[Any]:
    """The events behind what is used of a limit."""
    return exposures.entries(scope) if measure == "exposure" else receivables.entries(scope)


def ranked_entries(scope: Scope, measure: Measure) -> sa.Select[Any]:
    """The events behind what customers are ranked by."""
    return receivables.paid_entries(scope) if measure == "paid" else sales.entries(scope, sales.part_of(measure))
