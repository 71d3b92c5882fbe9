"""The sales ledger: what was ordered, cancelled, billed and credited, by product; totals and rankings are sums over it.

Kinds: `ordered` (an order placed), `changed` (the difference a change made), `cancelled` (negative: what fell away),
`billed`, `credited` (negative). Order intake = ordered + changed, later cancelled orders included. Net sales = billed +
credited without tax. What a document's lines do not explain is a row without product.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, assert_never, get_args

import sqlalchemy as sa

from analytics_svc.domain.figures import Measure, rounded
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import Period, Sum
from analytics_svc.projections import facts
from analytics_svc.projections.facts import Expression, Groups, during, listed, origin, origin_of, shares, within
from engine.projection import Ledger, Row
from events.credit import CreditNoteIssued, InvoiceIssued, InvoiceLine
from events.currencies import minor_units
from events.customer import OrderCancelled, OrderChanged, OrderLine, OrderPlaced
from events.envelope import Envelope

TABLE = sa.Table(
    "sales",
    sa.MetaData(),
    *origin(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("product", sa.Text),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("net", sa.Numeric, nullable=False),
    sa.Column("tax", sa.Numeric, nullable=False),
    sa.Column("gross", sa.Numeric, nullable=False),
    sa.Column("cost", sa.Numeric),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Index("customer", "customer", "effective"),
)
"""`document`: the order, invoice or credit note. `cost` null: not known. Tax that is not stated counts as none."""

Fact = OrderPlaced | OrderChanged | OrderCancelled | InvoiceIssued | CreditNoteIssued
Amounts = tuple[str | None, str, Decimal, Decimal, Decimal, Decimal, Decimal | None]
"""product, category, quantity, net, tax, gross, cost"""
ZERO = Decimal(0)


def fold(envelope: Envelope[Any]) -> Iterable[Row]:
    event: Fact = envelope.event
    rows = ((kind, document, *amounts, currency) for kind, document, amounts, currency in _rows(event))
    return [(*origin_of(envelope, n), *values) for n, values in enumerate(rows)]


def _rows(event: Fact) -> list[tuple[str, str, Amounts, str]]:
    match event:
        case OrderPlaced():
            return _ordered("ordered", event.order, _whole(event.lines, event.total.amount), event.total.currency)
        case OrderChanged():
            return _ordered("changed", event.order, _difference(event), event.total.currency)
        case OrderCancelled():
            fallen = _whole(event.lines, event.undelivered.amount, -1)
            return _ordered("cancelled", event.order, fallen, event.undelivered.currency)
        case InvoiceIssued():
            return _ordered("billed", event.invoice, _billed(event), event.amount.currency)
        case CreditNoteIssued():
            return _ordered("credited", event.credit_note, [_credited(event)], event.amount.currency)
        case _:
            assert_never(event)


def _ordered(kind: str, document: str, rows: Sequence[Amounts], currency: str) -> list[tuple[str, str, Amounts, str]]:
    return [(kind, document, amounts, currency) for amounts in rows]


def _whole(lines: Sequence[OrderLine], total: Decimal, sign: Literal[1, -1] = 1) -> list[Amounts]:
    rows = [_line(line, sign) for line in lines]
    return rows + _rest(rows, net=sign * total, gross=sign * total) or [(None, "", ZERO, ZERO, ZERO, ZERO, ZERO)]


def _difference(event: OrderChanged) -> list[Amounts]:
    return _whole(event.previous_lines, event.previous_total.amount, -1) + _whole(event.lines, event.total.amount)


def _line(line: OrderLine, sign: Literal[1, -1]) -> Amounts:
    quantity = sign * line.quantity
    value = quantity * line.price
    return (
        line.product,
        line.category,
        quantity,
        value,
        ZERO,
        value,
        None if line.cost is None else quantity * line.cost,
    )


def _billed(event: InvoiceIssued) -> list[Amounts]:
    rows = [_invoice_line(line, event) for line in event.lines]
    return rows + _rest(rows, gross=event.amount.amount)


def _invoice_line(line: InvoiceLine, event: InvoiceIssued) -> Amounts:
    net = _converted(line.net.amount, event)
    tax = _converted(line.tax.amount if line.tax else ZERO, event)
    cost = None if line.cost is None else _converted(line.cost.amount, event)
    return (line.product, line.category, line.quantity, net, tax, net + tax, cost)


def _converted(amount: Decimal, event: InvoiceIssued) -> Decimal:
    """In the account currency, rounded as it is stored."""
    return amount if event.rate is None else rounded(amount * event.rate, minor_units(event.amount.currency))


def _rest(rows: Sequence[Amounts], *, gross: Decimal, net: Decimal | None = None) -> list[Amounts]:
    """What the lines do not explain: the whole of a document without lines, rounding, charges."""
    missing = gross - sum((r[5] for r in rows), ZERO)
    if not missing:
        return []
    left = missing if net is None else net - sum((r[3] for r in rows), ZERO)
    return [(None, "", ZERO, left, missing - left, missing, ZERO if rows else None)]


def _credited(event: CreditNoteIssued) -> Amounts:
    gross = event.amount.amount
    net = gross if event.net is None else event.net.amount
    return (None, "", ZERO, -net, net - gross, -gross, None)


VIEW = Ledger(
    table=TABLE,
    version=1,
    touches=True,
    handles=(OrderPlaced, OrderChanged, OrderCancelled, InvoiceIssued, CreditNoteIssued),
    fold=fold,
)

_T = TABLE.c
_ORDERS = _T.kind.in_(("ordered", "changed"))
_SALES = _T.kind.in_(("billed", "credited"))
_FIRST = _T.n == 0
Part = Literal["order_intake", "with_cost", "billed", "credited", "credit_sales", "sales", "gross_profit"]
Count = Literal["orders", "cancelled_orders", "invoices", "credit_notes"]
PARTS: tuple[Part, ...] = get_args(Part)
COUNTS: tuple[Count, ...] = get_args(Count)
_AMOUNTS: dict[Part, tuple[Expression, Expression]] = {
    "order_intake": (_T.net, _ORDERS),
    "with_cost": (_T.net, sa.and_(_ORDERS, _T.cost.is_not(None))),
    "gross_profit": (_T.net - _T.cost, sa.and_(_ORDERS, _T.cost.is_not(None))),
    "sales": (_T.net, _SALES),
    "billed": (_T.gross, _T.kind == "billed"),
    "credited": (_T.gross, _T.kind == "credited"),
    "credit_sales": (_T.gross, _SALES),
}
"""Each part's amount and its rows. `with_cost`: order intake of known cost, what `gross_profit` is made of.
`credit_sales`: billed less credit notes, gross of tax, the S of DSO."""
PERIODIC: dict[Sum, Part] = {
    "order_intake": "order_intake",
    "with_cost": "with_cost",
    "billed": "billed",
    "sales": "sales",
    "gross_profit": "gross_profit",
    "period_sales": "credit_sales",
    "credit_sales": "credit_sales",
}
"""The sums of a period that are sums of this ledger, within its window or, `credit_sales`, within that of its DSO."""
_MADE: tuple[Part, ...] = ("gross_profit", "with_cost")
_COUNTS: dict[Count, str] = {
    "orders": "ordered",
    "cancelled_orders": "cancelled",
    "invoices": "billed",
    "credit_notes": "credited",
}


def credit_sales(scope: Scope) -> sa.Select[Any]:
    """One row: the `amount` of the scope's window that DSO divides by."""
    amount, rows = _AMOUNTS["credit_sales"]
    return sa.select(_sum(amount, rows).label("amount")).where(*within(TABLE, scope), rows)


def totals(scope: Scope) -> sa.Select[Any]:
    """One row: every part's sum and every count, within the window; `without_cost` is order intake of unknown cost."""
    sums = [_sum(amount, where).label(part) for part, (amount, where) in _AMOUNTS.items()]
    counts = [_count(kind).label(count) for count, kind in _COUNTS.items()]
    unknown = _sum(_T.net, sa.and_(_ORDERS, _T.cost.is_(None))).label("without_cost")
    return sa.select(*sums, unknown, *counts).where(*within(TABLE, scope))


def _sum(amount: Expression, where: Expression) -> Expression:
    return sa.func.coalesce(sa.func.sum(amount).filter(where), 0)


def _count(kind: str) -> Expression:
    return sa.func.count().filter(_T.kind == kind, _FIRST)


def by_group(scope: Scope, periods: Mapping[str, Period], groups: Groups) -> sa.Select[Any]:
    """By group and, under the prefix of each of `periods`: this ledger's sums of it."""
    columns = [c.label(prefix + name) for prefix, period in periods.items() for name, c in _sums(period)]
    first = min(period.reaches_back_to for period in periods.values())
    return facts.by_group(TABLE, groups, [*within(TABLE, scope), _T.effective >= first], *columns)


def _sums(period: Period) -> Iterator[tuple[str, Expression]]:
    inside = during(TABLE, period.window)
    for name, part in PERIODIC.items():
        amount, where = _AMOUNTS[part]
        yield name, _sum(amount, sa.and_(where, during(TABLE, period.dso) if name == "credit_sales" else inside))
    yield "orders", sa.func.count().filter(_T.kind == "ordered", _FIRST, inside)


def by_month(scope: Scope, months: Sequence[Period], groups: Groups) -> sa.Select[Any]:
    """By group and number `n` of the month: the same sums of each of `months`, in one scan of the ledger."""
    first = min(month.reaches_back_to for month in months)
    parts = {part: _sum(*_AMOUNTS[part]).label(part) for part in dict.fromkeys(PERIODIC.values())}
    orders = sa.func.count().filter(_T.kind == "ordered", _FIRST).label("orders")
    where = [*within(TABLE, scope), _T.effective >= first]
    daily = facts.by_group(TABLE, groups, where, *parts.values(), orders, keys=(_T.effective,)).subquery()
    d, m = daily.c, listed(months)
    inside = d.effective >= m.c.first
    columns = [
        _sum(d[part], d.effective >= m.c.dso_first if name == "credit_sales" else inside).label(name)
        for name, part in {**PERIODIC, "orders": "orders"}.items()
    ]
    reached = sa.and_(d.effective <= m.c.last, d.effective >= sa.func.least(m.c.first, m.c.dso_first))
    query = sa.select(d.name, m.c.n, *columns).select_from(daily.join(m, reached))
    return query.group_by(d.name, m.c.n)


def monthly(scope: Scope, groups: Groups, names: Sequence[str]) -> sa.Select[Any]:
    """Of the groups of these names, by calendar month (`year` x 12 + its number - 1): the `credit_sales` of it."""
    number = sa.extract("year", _T.effective) * 12 + sa.extract("month", _T.effective) - 1
    month = sa.cast(number, sa.Integer).label("month")
    amount, rows = _AMOUNTS["credit_sales"]
    where = [*within(TABLE, scope), rows]
    sold = facts.by_group(TABLE, groups, where, sa.func.sum(amount).label("credit_sales"), keys=(month,)).subquery()
    return sa.select(sold).where(sold.c.name.in_(names))


def ranking(scope: Scope, measure: Measure, by: Literal["customer", "product"]) -> sa.Select[Any]:
    """What is ranked: `subject` (customer or product) and its `amount` within the window. Not for `paid`."""
    amount, where = _AMOUNTS[part_of(measure)]
    subject = _T.customer if by == "customer" else _T.product
    query = sa.select(subject.label("subject"), sa.func.sum(amount).label("amount"))
    return query.where(*within(TABLE, scope), where, subject.is_not(None)).group_by(subject)


def by_product(scope: Scope) -> sa.Select[Any]:
    """By product, as `subject`, within the window: `quantity` ordered, `gross_profit`, `with_cost`."""
    columns = [_sum(*_AMOUNTS[part]).label(part) for part in _MADE]
    quantity = _sum(_T.quantity, _ORDERS).label("quantity")
    query = sa.select(_T.product.label("subject"), quantity, *columns)
    return query.where(*within(TABLE, scope), _T.product.is_not(None)).group_by(_T.product)


def buying(scope: Scope, measure: Measure) -> sa.Select[Any]:
    """By customer with an order in the window: `last` order date, `frequency` (orders), `monetary`: the measure's sum.

    For `paid`, which is another ledger's, `monetary` is 0.
    """
    ordered = sa.and_(_T.kind == "ordered", _FIRST)
    last, orders = sa.func.max(_T.effective).filter(ordered), sa.func.count().filter(ordered)
    amount, where = (sa.literal_column("0"), sa.true()) if measure == "paid" else _AMOUNTS[part_of(measure)]
    columns = (last.label("last"), orders.label("frequency"), _sum(amount, where).label("monetary"))
    return sa.select(_T.customer, *columns).where(*within(TABLE, scope)).group_by(_T.customer).having(orders > 0)


def last_orders(scope: Scope) -> sa.Select[Any]:
    """The orders placed on each customer's last day with one, each as one."""
    where = [*within(TABLE, scope), _T.kind == "ordered", _FIRST]
    days = sa.select(_T.customer, sa.func.max(_T.effective)).where(*where).group_by(_T.customer)
    where.append(sa.tuple_(_T.customer, _T.effective).in_(days))
    return shares(TABLE, where, kind=_T.kind, document=_T.document, amount=sa.literal(1))


def part_of(measure: Measure) -> Part:
    """The part of this ledger a ranking measure is. Raises ValueError for what was paid: that is another ledger's."""
    if measure == "paid":
        raise ValueError("what was paid lies in the receivables ledger")
    return measure


def entries(scope: Scope, part: Part, *, product: str | None = None, products: bool = False) -> sa.Select[Any]:
    """The events behind a part's sum: of one product, or of all rows that name one."""
    amount, rows = _AMOUNTS[part]
    where = [*within(TABLE, scope), rows]
    where += [_T.product == product] if product else [_T.product.is_not(None)] if products else []
    return shares(TABLE, where, kind=_T.kind, document=_T.document, amount=amount)


def counted(scope: Scope, count: Count) -> sa.Select[Any]:
    """The documents a count counts, each as one: the first event of each."""
    where = [*within(TABLE, scope), _T.kind == _COUNTS[count], _FIRST]
    return shares(TABLE, where, kind=_T.kind, document=_T.document, amount=sa.literal(1))
