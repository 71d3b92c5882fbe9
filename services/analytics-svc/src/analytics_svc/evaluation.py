"""Measures touched customers and the company against the alert policies, a few queries for all of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from analytics_svc.domain.alert import ChangeAlert, ClearAlert, EndAlert, Evaluated, Finding, RaiseAlert, Subject
from analytics_svc.domain.figures import DSO_DAYS, Point, Window, dso, ratio
from analytics_svc.domain.measures import LimitUse, Overdue, Scope
from analytics_svc.domain.policies import Policy, in_force
from analytics_svc.domain.rules import (
    CONTRIBUTIONS,
    Measurement,
    Present,
    action,
    broken_step,
    ending,
    threshold_of,
)
from analytics_svc.projections import alerts, exposures, policies, receivables
from analytics_svc.projections.facts import largest
from analytics_svc.projections.stored import PostgresRows, StoredMeasures
from engine import ids
from engine.database import Database
from engine.decider import Actor
from engine.handle import Asked
from engine.ports import Meta
from events.analytics import AlertRule, Contribution
from events.currencies import in_minor_units

EVERYTHING = datetime(9999, 1, 1, tzinfo=UTC)
"""Known at the end of time: all that is folded."""
ACTOR = Actor("evaluator")
CUSTOMER_RULES: tuple[AlertRule, ...] = ("limit_breach", "overdue")
COMPANY_RULES: tuple[AlertRule, ...] = ("receivables_line", "dso_above_target")
Measured = dict[Subject, Measurement]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`evaluate` of this service's manifest."""

    database: Database

    async def __call__(self, customers: Sequence[str | None], day: date) -> Sequence[Asked]:
        """What the facts of `day` call for: alerts to be raised, changed and ended. None: the company itself."""
        names = sorted({c for c in customers if c is not None})
        async with self.database.engine.connect() as read:
            rules = (*(CUSTOMER_RULES if names else ()), *(COMPANY_RULES if None in customers else ()))
            present = await alerts.newest(read, customers)
            work = _Work(StoredMeasures(PostgresRows(read)), day, await policies.every(read), present)
            return [_ask(command, about) for command, about in await work.commands(names, rules)]


def _ask(command: Evaluated, present: Present | None) -> Asked:
    """The same facts, policy and present alert ask for the same thing under the same id."""
    name = ids.named("alert", type(command).__name__, command.model_dump_json(), present.version if present else 0)
    return Asked(command, name, Meta(ACTOR.id, correlation=name), ACTOR)


@dataclass(slots=True)
class _Work:
    """One look at some customers."""

    measures: StoredMeasures
    day: date
    policies: Sequence[Policy]
    present: Mapping[Subject, Present]
    found: list[tuple[Evaluated, Present | None]] = field(default_factory=list)

    async def commands(
        self, names: Sequence[str], rules: Sequence[AlertRule]
    ) -> list[tuple[Evaluated, Present | None]]:
        """What is called for, each with the alert it is about."""
        measured = await self._measured(names, self.day, rules)
        ends: list[Measurement] = []
        shown: defaultdict[AlertRule, list[Measurement]] = defaultdict(list)
        for subject, measurement in measured.items():
            present = self.present.get(subject)
            match action(self._policy(subject.rule), measurement, present, self.day):
                case "raise" | "change":
                    shown[subject.rule].append(measurement)
                case "end":
                    ends.append(measurement)
                case "clear" if present is not None:
                    self.found.append((ClearAlert(subject=subject, alert=present.alert, on=self.day), present))
                case _:
                    pass
        for rule, measurements in shown.items():
            await self._show(rule, measurements)
        await self._end(ends)
        return self.found

    def _policy(self, rule: AlertRule, day: date | None = None) -> Policy:
        return in_force(self.policies, rule, day or self.day)

    # --- measuring ------------------------------------------------------------------------------------------------

    async def _measured(self, names: Sequence[str], day: date, rules: Sequence[AlertRule]) -> Measured:
        """Every subject that has an alert or may get one; those without facts measure nothing."""
        subjects = [Subject(rule=r, customer=c) for r in CUSTOMER_RULES for c in names]
        subjects += [Subject(rule=r, customer=None) for r in COMPANY_RULES]
        nothing = {s: Measurement(s, None, "none", Decimal(0)) for s in subjects if s.rule in rules}
        scope = Scope(Point(day, EVERYTHING), names)
        found: list[Measurement] = []
        if names:
            found += [_limit(u) for u in await self.measures.limit_use(scope, "exposure")]
            found += [_overdue(o, day) for o in await self.measures.overdue(scope)]
        found += await self._company(Point(day, EVERYTHING), [s.rule for s in nothing if s.customer is None])
        return nothing | {m.subject: m for m in found if m.subject in nothing}

    async def _company(self, point: Point, rules: Iterable[AlertRule]) -> list[Measurement]:
        """Only of rules that are on, or have an alert to be ended."""
        wanted = [r for r in rules if self._policy(r).enabled]
        currency = await self._currency(point) if wanted else None
        if currency is None:
            return []
        scope = Scope(point, None, currency)
        measure = {"receivables_line": self._receivables_line, "dso_above_target": self._dso}
        return [await measure[rule](scope, currency) for rule in wanted]

    async def _currency(self, point: Point) -> str | None:
        """That of the reported assets, else the only one there is; several cannot be added without a rate."""
        reported = await self.measures.assets(point)
        present = await self.measures.currencies(Scope(point))
        return reported.currency if reported else present[0] if len(present) == 1 else None

    async def _receivables_line(self, scope: Scope, currency: str) -> Measurement:
        subject = Subject(rule="receivables_line", customer=None)
        owed, reported = await self.measures.balance(scope), await self.measures.assets(scope.point)
        total = reported.amount if reported else Decimal(0)
        share = ratio(owed.outstanding, total)
        return Measurement(subject, share.value, "share", owed.outstanding, denominator=total, currency=currency)

    async def _dso(self, scope: Scope, currency: str) -> Measurement:
        subject = Subject(rule="dso_above_target", customer=None)
        owed = await self.measures.balance(scope)
        window = Window.of_days(DSO_DAYS, scope.point.as_of)
        sold = await self.measures.credit_sales(Scope(scope.point, None, currency, window))
        days = dso(owed.outstanding, sold)
        return Measurement(subject, days.value, "days", owed.outstanding, denominator=sold, currency=currency)

    # --- telling --------------------------------------------------------------------------------------------------

    async def _show(self, rule: AlertRule, measurements: Sequence[Measurement]) -> None:
        shares = await self._contributions(rule, measurements)
        for m in measurements:
            policy, present = self._policy(rule), self.present.get(m.subject)
            finding = _finding(m, policy, self.day, shares.get(m.subject.customer, _Shares()))
            if present is not None and present.status in ("open", "acknowledged"):
                change = ChangeAlert(subject=m.subject, alert=present.alert, finding=finding)
                self.found.append((change, present))
            else:
                self.found.append((RaiseAlert(subject=m.subject, finding=finding), present))

    async def _contributions(self, rule: AlertRule, of: Sequence[Measurement]) -> Mapping[str | None, "_Shares"]:
        names = [m.subject.customer for m in of if m.subject.customer is not None]
        scope = Scope(Point(self.day, EVERYTHING), names or None, None if names else of[0].currency)
        if rule == "limit_breach":
            entries = exposures.entries(scope)
        elif rule == "overdue":
            entries = receivables.entries(scope, last=date.fromordinal(self.day.toordinal() - 1), unallocated=False)
        else:
            entries = receivables.entries(scope)
        found: defaultdict[str | None, _Shares] = defaultdict(_Shares)
        for row in await self.measures.facts.rows(largest(entries, CONTRIBUTIONS, by_customer=bool(names))):
            contribution = Contribution(event=row["event"], amount=row["amount"])
            found[row["customer"] if names else None].add(contribution, row["known_at"])
        return found

    async def _end(self, measurements: Sequence[Measurement]) -> None:
        """Each as of the day its alert was raised, with what is known now: a few queries for each such day."""
        by_day: defaultdict[date, list[Present]] = defaultdict(list)
        for m in measurements:
            by_day[self.present[m.subject].raised_on].append(self.present[m.subject])
        for day, ended in by_day.items():
            names = sorted({p.subject.customer for p in ended if p.subject.customer is not None})
            then = await self._measured(names, day, [p.subject.rule for p in ended])
            for p in ended:
                rule = p.subject.rule
                how, why = ending(self._policy(rule), self._policy(rule, day), then.get(p.subject))
                command = EndAlert(subject=p.subject, alert=p.alert, how=how, reason=why, on=self.day)
                self.found.append((command, p))


@dataclass(slots=True)
class _Shares:
    """The contributions of one subject, and the last recorded time among all its facts."""

    named: list[Contribution] = field(default_factory=list)
    known_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def add(self, contribution: Contribution, known_at: datetime) -> None:
        self.named.append(contribution)
        self.known_at = known_at


def _limit(use: LimitUse) -> Measurement:
    return Measurement(
        Subject(rule="limit_breach", customer=use.customer),
        None if use.limit is None else use.used,
        use.currency,
        use.used,
        per=use.limit or Decimal(0),
        denominator=use.limit,
        currency=use.currency,
    )


def _overdue(late: Overdue, day: date) -> Measurement:
    subject = Subject(rule="overdue", customer=late.customer)
    return Measurement(subject, Decimal((day - late.oldest).days), "days", late.amount, currency=late.currency)


def _finding(measurement: Measurement, policy: Policy, day: date, shares: _Shares) -> Finding:
    step = broken_step(policy, measurement)
    assert step is not None
    assert measurement.value is not None
    currency, unit = measurement.currency, measurement.unit
    named = tuple(Contribution(event=c.event, amount=_written(c.amount, currency)) for c in shares.named)
    return Finding(
        policy_version=policy.version,
        value=_written(measurement.value, currency, unit),
        threshold=_written(threshold_of(step, measurement), currency, unit),
        level=step.level,
        unit=unit,
        numerator=_written(measurement.numerator, currency),
        denominator=None if measurement.denominator is None else _written(measurement.denominator, currency),
        currency=currency,
        on=day,
        known_at=shares.known_at,
        contributions=named,
        remainder=_written(measurement.numerator - sum((c.amount for c in named), Decimal(0)), currency),
    )


def _written(number: Decimal, currency: str | None, unit: str | None = None) -> Decimal:
    """An amount of money as all are written; a number in another `unit` as it is."""
    return in_minor_units(number, currency) if currency and unit in (None, currency) else number
