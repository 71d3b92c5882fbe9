"""The receivables ledger: what is owed and what came in, as signed amounts; balance and ageing are sums over it.

A row lies on an instalment (`due` set) or on unallocated cash or credit (`due` null). An allocation has one of each:
it moves money without changing the balance.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, assert_never

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from analytics_svc.domain.figures import Basis
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import Period
from analytics_svc.projections import facts
from analytics_svc.projections.facts import Expression, Groups, during, listed, origin, origin_of, shares, within
from engine.projection import Ledger, Row
from events.credit import Allocated, CreditNoteIssued, InvoiceIssued, PaymentReceived
from events.envelope import Envelope

TABLE = sa.Table(
    "receivables",
    sa.MetaData(),
    *origin(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("item", sa.Text, nullable=False),
    sa.Column("due", sa.Date),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Index("customer", "customer", "effective"),
)
"""`item` is the instalment or the unallocated document the row lies on: what is open of it is the sum of its rows."""

Standing = Literal["current", "overdue", "unallocated"]
Fact = InvoiceIssued | PaymentReceived | CreditNoteIssued | Allocated


def fold(envelope: Envelope[Any]) -> Iterable[Row]:
    return [(*origin_of(envelope, n), *values) for n, values in enumerate(_rows(envelope.event))]


def _rows(event: Fact) -> list[Row]:
    match event:
        case InvoiceIssued():
            return [_instalment(event, number) for number in range(len(event.instalments))]
        case PaymentReceived():
            return [_unallocated("cash", event.payment, "payment", event)]
        case CreditNoteIssued():
            return [_unallocated("credit_note", event.credit_note, "credit_note", event)]
        case Allocated():
            return _allocation(event)
        case _:
            assert_never(event)


def _instalment(event: InvoiceIssued, index: int) -> Row:
    part = event.instalments[index]
    item = f"{event.invoice}#{part.number}"
    return ("invoice", event.invoice, item, part.due, part.amount.amount, part.amount.currency)


def _unallocated(kind: str, document: str, item: str, event: PaymentReceived | CreditNoteIssued) -> Row:
    return (kind, document, f"{item}:{document}", None, -event.amount.amount, event.amount.currency)


def _allocation(event: Allocated) -> list[Row]:
    amount, currency = event.amount.amount, event.amount.currency
    source = f"{event.document_kind}:{event.document}"
    return [
        ("allocation", event.document, f"{event.invoice}#{event.instalment}", event.due, -amount, currency),
        ("allocation", event.document, source, None, amount, currency),
    ]


VIEW = Ledger(
    table=TABLE,
    version=1,
    handles=(InvoiceIssued, PaymentReceived, CreditNoteIssued, Allocated),
    touches=True,
    fold=fold,
)

_T = TABLE.c
_OPEN = _T.due.is_not(None)
NO_DAY = date(2000, 1, 1)
"""Days of money are counted from here, so that a sum of them is one of whole numbers."""


def balances(scope: Scope) -> sa.Select[Any]:
    """By customer: `receivable` (open instalments), `unallocated` (negative), `outstanding` (their sum)."""
    return sa.select(_T.customer, *_sums()).where(*within(TABLE, scope)).group_by(_T.customer)


def balance(scope: Scope) -> sa.Select[Any]:
    """The same three sums over all customers of `scope`."""
    return sa.select(*_sums()).where(*within(TABLE, scope))


def _sums() -> list[sa.Label[Any]]:
    return [
        _sum(_T.amount, _OPEN).label("receivable"),
        _sum(_T.amount, _T.due.is_(None)).label("unallocated"),
        sa.func.coalesce(sa.func.sum(_T.amount), 0).label("outstanding"),
    ]


def _sum(amount: Expression, where: Expression) -> Expression:
    return sa.func.coalesce(sa.func.sum(amount).filter(where), 0)


def page(scope: Scope) -> tuple[sa.Select[Any], Expression]:
    """The balances by customer, and what they are sorted by on a page."""
    rows = balances(scope).subquery()
    return sa.select(rows), rows.c.customer


def owed(scope: Scope) -> sa.Select[Any]:
    """By customer: the outstanding `amount` and its `currency`."""
    total = sa.func.sum(_T.amount).label("amount")
    query = sa.select(_T.customer, _T.currency, total).where(*within(TABLE, scope))
    return query.group_by(_T.customer, _T.currency)


def by_date(scope: Scope, basis: Basis) -> sa.Select[Any]:
    """By customer and what its age is counted from: the open `amount`; without a `day` what is unallocated."""
    if basis == "due":
        return sa.select(_T.customer, _T.due.label("day"), _T.amount).where(*within(TABLE, scope))
    items = open_items(scope).subquery()
    money = sa.select(_T.customer, _T.due.label("day"), _T.amount).where(*within(TABLE, scope), _T.due.is_(None))
    return money.union_all(sa.select(items.c.customer, items.c.issued, items.c.amount)).subquery().select()


def open_items(scope: Scope) -> sa.Select[Any]:
    """The instalments of which something is open: `item`, its `invoice`, `issued`, `due` and the `amount` open."""
    owed = _T.kind == "invoice"
    columns = (
        sa.func.min(_T.document).filter(owed).label("invoice"),
        sa.func.min(_T.effective).filter(owed).label("issued"),
        sa.func.max(_T.due).label("due"),
        sa.func.sum(_T.amount).label("amount"),
    )
    query = sa.select(_T.customer, _T.item, *columns).where(*within(TABLE, scope), _OPEN)
    return query.group_by(_T.customer, _T.item).having(sa.func.sum(_T.amount) != 0)


def entries_issued(scope: Scope, first: date | None, last: date | None) -> sa.Select[Any]:
    """The events behind what is open of invoices dated from `first` to `last`."""
    items = open_items(scope).subquery()
    kept = sa.select(items.c.customer, items.c.item)
    kept = kept if first is None else kept.where(items.c.issued >= first)
    kept = kept if last is None else kept.where(items.c.issued <= last)
    where = [*within(TABLE, scope), _OPEN, sa.tuple_(_T.customer, _T.item).in_(kept)]
    return shares(TABLE, where, kind=_T.kind, document=_T.document, amount=_T.amount)


def overdue(scope: Scope) -> sa.Select[Any]:
    """By customer: `oldest` due date still open before `as_of`, and the `amount` overdue on all of them."""
    late = [*within(TABLE, scope), _T.due < scope.point.as_of]
    total = sa.func.sum(_T.amount)
    columns = (_T.customer, _T.currency, _T.due)
    items = sa.select(*columns, total.label("amount")).where(*late).group_by(*columns)
    open_items = items.having(total > 0).subquery()
    c = open_items.c
    oldest, amount = sa.func.min(c.due).label("oldest"), sa.func.sum(c.amount).label("amount")
    return sa.select(c.customer, c.currency, oldest, amount).group_by(c.customer, c.currency)


def by_group(scope: Scope, periods: Mapping[str, Period], groups: Groups) -> sa.Select[Any]:
    """By group and, under the prefix of each of `periods`: what stood before it and at its end, `paid` within it."""
    columns = [c.label(prefix + name) for prefix, period in periods.items() for name, c in _standing(period)]
    return facts.by_group(TABLE, groups, within(TABLE, scope), *columns)


def _standing(period: Period) -> Iterator[tuple[str, Expression]]:
    by_then = _T.effective <= period.last
    yield "opening", _sum(_T.amount, _T.effective < period.first)
    yield "outstanding", _sum(_T.amount, by_then)
    yield "current", _sum(_T.amount, sa.and_(by_then, _T.due >= period.last))
    yield "overdue", _sum(_T.amount, sa.and_(by_then, _T.due < period.last))
    yield "paid", _sum(-_T.amount, sa.and_(_T.kind == "cash", during(TABLE, period.window)))


def by_month(scope: Scope, months: Sequence[Period], groups: Groups) -> sa.Select[Any]:
    """By group and number `n` of the month: the same of each of `months`, in one scan of the ledger."""
    sums = [sa.func.sum(_T.amount).label("amount"), _sum(-_T.amount, _T.kind == "cash").label("cash")]
    keys = (_T.effective, _T.due)
    daily = facts.by_group(TABLE, groups, within(TABLE, scope), *sums, keys=keys).subquery()
    d, m = daily.c, listed(months)
    columns = {
        "opening": _sum(d.amount, d.effective < m.c.first),
        "outstanding": sa.func.sum(d.amount),
        "current": _sum(d.amount, d.due >= m.c.last),
        "overdue": _sum(d.amount, d.due < m.c.last),
        "paid": _sum(d.cash, d.effective >= m.c.first),
    }
    query = sa.select(d.name, m.c.n, *(c.label(name) for name, c in columns.items()))
    return query.select_from(daily.join(m, d.effective <= m.c.last)).group_by(d.name, m.c.n)


def paid(scope: Scope) -> sa.Select[Any]:
    """Money that came in within the window, by customer: `subject`, `amount`."""
    total = sa.func.sum(-_T.amount).label("amount")
    query = sa.select(_T.customer.label("subject"), total).where(*within(TABLE, scope), _T.kind == "cash")
    return query.group_by(_T.customer)


def payments(scope: Scope) -> sa.Select[Any]:
    """One row: `paid` and the number of `payments` within the window."""
    total = sa.func.coalesce(sa.func.sum(-_T.amount), 0).label("paid")
    return sa.select(total, sa.func.count().label("payments")).where(*within(TABLE, scope), _T.kind == "cash")


def closed(scope: Scope) -> sa.Select[Any]:
    """By instalment of which nothing is open and that money closed at least in part: what was owed, when it was paid.

    `paid_days` counts from the epoch of the money's dates, `NO_DAY`.
    """
    owed, money = _T.kind == "invoice", _of_money(scope)
    return (
        sa.select(
            _T.customer,
            _T.currency,
            _T.item,
            sa.func.min(_T.document).filter(owed).label("invoice"),
            sa.func.min(_T.effective).filter(owed).label("issued"),
            sa.func.max(_T.due).label("due"),
            sa.func.sum(_T.amount).filter(owed).label("amount"),
            sa.func.max(_T.effective).filter(money).label("paid_on"),
            sa.func.max(_T.effective).label("closed_on"),
            sa.func.sum(-_T.amount).filter(money).label("paid"),
            sa.func.sum(-_T.amount * (_T.effective - NO_DAY)).filter(money).label("paid_days"),
        )
        .where(*within(TABLE, scope), _OPEN)
        .group_by(_T.customer, _T.currency, _T.item)
        .having(sa.func.sum(_T.amount) == 0, sa.func.count().filter(money) > 0)
    )


def _of_money(scope: Scope) -> Expression:
    """Allocations of payments: their other half lies on unallocated cash."""
    halves = sa.select(_T.event).where(*within(TABLE, scope), _T.kind == "allocation", _T.item.like("payment:%"))
    return _T.event.in_(halves)


def last_money(scope: Scope) -> sa.Select[Any]:
    """By instalment the event that set the last money against it."""
    latest = (_T.customer, _T.item, _T.effective.desc(), _T.position.desc())
    origin_ = (_T.customer, _T.item, _T.event, _T.effective, _T.recorded, _T.topic, _T.position)
    where = [*within(TABLE, scope), _OPEN, _of_money(scope)]
    return sa.select(*origin_).where(*where).ext(distinct_on(_T.customer, _T.item)).order_by(*latest)


def entries(scope: Scope, *, first: Any = None, last: Any = None, unallocated: bool | None = None) -> sa.Select[Any]:
    """The events behind what is open, of instalments due from `first` to `last` or of unallocated cash alone.

    Items that came to nothing are left out with all their events: what remains adds up to the same.
    """
    return _behind(scope, _placed(first, last, unallocated))


def entries_of(scope: Scope, standing: Collection[Standing]) -> sa.Select[Any]:
    """The events behind what is current (not yet due), overdue, unallocated, or several of them together."""
    due = scope.point.as_of
    where = {"current": _T.due >= due, "overdue": _T.due < due, "unallocated": _T.due.is_(None)}
    return _behind(scope, [sa.or_(*(where[name] for name in standing))])


def _behind(scope: Scope, placed: Sequence[Expression]) -> sa.Select[Any]:
    where = [*within(TABLE, scope), *placed]
    keys = sa.select(_T.customer, _T.item).where(*where).group_by(_T.customer, _T.item)
    kept = sa.tuple_(_T.customer, _T.item).in_(keys.having(sa.func.sum(_T.amount) != 0))
    return shares(TABLE, [*where, kept], kind=_T.kind, document=_T.document, amount=_T.amount)


def _placed(first: Any, last: Any, unallocated: bool | None) -> Sequence[Expression]:
    found: list[Expression] = []
    if unallocated is not None:
        found.append(_T.due.is_(None) if unallocated else _OPEN)
    if first is not None:
        found.append(_T.due >= first)
    if last is not None:
        found.append(_T.due <= last)
    return found


def paid_entries(scope: Scope, *, counted: bool = False) -> sa.Select[Any]:
    """The payments of the window; `counted`: each as one."""
    amount: Expression = sa.literal(1) if counted else -_T.amount
    where = [*within(TABLE, scope), _T.kind == "cash"]
    return shares(TABLE, where, kind=_T.kind, document=_T.document, amount=amount)
