"""The measures over the fact tables of this service's own database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics_svc.domain.figures import Measure, Point, UsedAmount
from analytics_svc.domain.measures import Assets, Balance, LimitUse, Overdue, Scope, Totals
from analytics_svc.domain.payment_behaviour import PaidOn, PaidSums
from analytics_svc.projections import assets, customers, exposures, payment_behaviour, receivables, sales, terms


@dataclass(frozen=True, slots=True)
class StoredMeasures:
    """Answers from PostgreSQL, each measure in one query or two."""

    read: AsyncConnection

    async def currencies(self, scope: Scope) -> Sequence[str]:
        every_date = replace(scope, point=replace(scope.point, as_of=date.max), currency=None, window=None)
        query = sa.union(customers.currencies(every_date), terms.currencies(every_date))
        return list((await self.read.execute(query)).scalars())

    async def balance(self, scope: Scope) -> Balance:
        return Balance.model_validate(await self._one(receivables.balance(scope)))

    async def by_due_date(self, scope: Scope) -> Sequence[tuple[date | None, Decimal]]:
        return [(r.due, r.amount) for r in await self.read.execute(receivables.by_due_date(scope))]

    async def overdue(self, scope: Scope) -> Sequence[Overdue]:
        rows = await self.read.execute(receivables.overdue(scope))
        return [Overdue(r.customer, r.oldest, r.amount, r.currency) for r in rows]

    async def limit_use(self, scope: Scope, measure: UsedAmount) -> Sequence[LimitUse]:
        used = {r.customer: (r.amount, r.currency) for r in await self.read.execute(_used(scope, measure))}
        limits = await self.read.execute(terms.in_force(scope))
        found = [self._use(r.customer, r.limit_amount, r.currency, used) for r in limits]
        return sorted((u for u in found if scope.currency in (None, u.currency)), key=lambda u: u.customer)

    @staticmethod
    def _use(
        customer: str, limit: Decimal | None, currency: str | None, used: Mapping[str, tuple[Decimal, str]]
    ) -> LimitUse:
        amount, account = used.get(customer, (Decimal(0), currency or ""))
        return LimitUse(customer, amount, limit, currency or account)

    async def totals(self, scope: Scope) -> Totals:
        sold = await self._one(sales.totals(scope))
        came_in = await self._one(receivables.payments(scope))
        known = await self._one(customers.number(replace(scope, currency=None, window=None)))
        return Totals.model_validate({**sold, **came_in, **known})

    async def ranking(
        self, scope: Scope, measure: Measure, by: Literal["customer", "product"]
    ) -> Sequence[tuple[str, Decimal]]:
        query = receivables.paid(scope) if measure == "paid" else sales.ranking(scope, measure, by)
        amounts = {r.subject: r.amount for r in await self.read.execute(query)}
        if by == "customer":
            names = await self.read.execute(customers.names(replace(scope, currency=None, window=None)))
            amounts = dict.fromkeys(names.scalars(), Decimal(0)) | amounts
        return list(amounts.items())

    async def paid(self, scope: Scope) -> PaidSums:
        return PaidSums.model_validate(await self._one(payment_behaviour.sums(scope)))

    async def paid_by_customer(self, scope: Scope) -> Sequence[tuple[str, PaidSums]]:
        rows = await self.read.execute(payment_behaviour.by_customer(scope))
        return sorted(
            ((r.customer, PaidSums.model_validate(r, from_attributes=True)) for r in rows), key=lambda found: found[0]
        )

    async def paid_by_days_late(self, scope: Scope) -> Sequence[PaidOn]:
        rows = await self.read.execute(payment_behaviour.by_days_late(scope))
        return [PaidOn(r.days_late, r.instalments, r.amount) for r in rows]

    async def assets(self, point: Point) -> Assets | None:
        row = (await self.read.execute(assets.in_force(point))).first()
        return None if row is None else Assets(row.amount, row.currency)

    async def _one(self, query: sa.Select[Any]) -> dict[str, Any]:
        return dict((await self.read.execute(query)).mappings().one())


def _used(scope: Scope, measure: UsedAmount) -> sa.Select[Any]:
    return exposures.balances(scope) if measure == "exposure" else receivables.owed(scope)


def used_entries(scope: Scope, measure: UsedAmount) -> sa.Select[Any]:
    """The events behind what is used of a limit."""
    return exposures.entries(scope) if measure == "exposure" else receivables.entries(scope)


def ranked_entries(scope: Scope, measure: Measure) -> sa.Select[Any]:
    """The events behind what customers are ranked by."""
    return receivables.paid_entries(scope) if measure == "paid" else sales.entries(scope, sales.part_of(measure))
