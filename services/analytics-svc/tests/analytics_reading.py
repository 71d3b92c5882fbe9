"""A naive reading of events, event by event: it knows no view and no SQL. What figures are tested against."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from analytics_history import Fact

from events.base import Money
from events.complaint import ComplaintEvaluated, ComplaintJudged, ComplaintOpened, SolutionCarriedOut
from events.credit import (
    AccountOpened,
    Allocated,
    CreditNoteIssued,
    ExposureChanged,
    InvoiceIssued,
    LimitSet,
    PaymentReceived,
    RiskClassSet,
)
from events.customer import CustomerRegistered, CustomerUpdated, OrderChanged, OrderPlaced, OwnerAssigned


def amount(value: Money | None) -> Decimal:
    return value.amount if value else Decimal(0)


def outstanding(facts: Iterable[Fact]) -> Decimal:
    total = Decimal(0)
    for fact in facts:
        match fact.event:
            case InvoiceIssued() as e:
                total += e.amount.amount
            case PaymentReceived() | CreditNoteIssued() as e:
                total -= e.amount.amount
            case _:
                pass
    return total


def open_items(facts: Iterable[Fact]) -> dict[tuple[str, int], tuple[date, Decimal]]:
    """What is open of every instalment."""
    found: dict[tuple[str, int], tuple[date, Decimal]] = {}
    for fact in facts:
        match fact.event:
            case InvoiceIssued() as e:
                found |= {(e.invoice, i.number): (i.due, i.amount.amount) for i in e.instalments}
            case _:
                pass
    for fact in facts:
        match fact.event:
            case Allocated() as set_off:
                key = set_off.invoice, set_off.instalment
                found[key] = found[key][0], found[key][1] - set_off.amount.amount
            case _:
                pass
    return found


def ageing(facts: Sequence[Fact], as_of: date) -> dict[str, Decimal]:
    buckets = dict.fromkeys(("current", "1-30", "31-60", "61-90", "91-120", ">120", "unallocated"), Decimal(0))
    for due, left in open_items(facts).values():
        days = (as_of - due).days
        names = ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90"), (120, "91-120"), (10**6, ">120"))
        buckets[next(name for edge, name in names if days <= edge)] += left
    buckets["unallocated"] = outstanding(facts) - sum(left for _, left in open_items(facts).values())
    return buckets


@dataclass(frozen=True)
class OpenAmount:
    """What is open of an instalment, or in dispute of it."""

    customer: str
    invoice: str
    issued: date
    due: date
    amount: Decimal


def open_amounts(facts: Sequence[Fact]) -> list[OpenAmount]:
    """The oldest due first."""
    left = open_items(facts)
    found = [
        OpenAmount(f.event.customer, f.event.invoice, f.event.invoice_date, i.due, left[f.event.invoice, i.number][1])
        for f in facts
        if isinstance(f.event, InvoiceIssued)
        for i in f.event.instalments
    ]
    return sorted(found, key=lambda item: item.due)


def in_dispute(facts: Sequence[Fact]) -> list[OpenAmount]:
    """What complaints that last take from the open instalments of their invoices, one after the other."""
    ended = {
        f.event.complaint
        for f in facts
        if isinstance(f.event, SolutionCarriedOut | ComplaintEvaluated)
        or (isinstance(f.event, ComplaintJudged) and not f.event.established)
    }
    left = dict(enumerate(open_amounts(facts)))
    found: list[OpenAmount] = []
    for event in (f.event for f in facts if isinstance(f.event, ComplaintOpened)):
        wanted = Decimal(0) if event.complaint in ended else amount(event.disputed)
        for n, item in left.items():
            if (item.customer, item.invoice) == (event.customer, event.invoice) and min(wanted, item.amount) > 0:
                taken = replace(item, amount=min(wanted, item.amount))
                left[n], wanted = replace(item, amount=item.amount - taken.amount), wanted - taken.amount
                found.append(taken)
    return found


def matrix(
    facts: Sequence[Fact], as_of: date, edges: Sequence[int], basis: str, disputed: str
) -> dict[str, dict[int | None, Decimal]]:
    """By customer and number of the bucket (due: 0 is current; None: unallocated) what is open, without nothings."""
    taken, owed = in_dispute(facts), open_amounts(facts)
    signed = {
        "included": [(1, i) for i in owed],
        "only": [(1, i) for i in taken],
        "excluded": [*((1, i) for i in owed), *((-1, i) for i in taken)],
    }[disputed]
    found: dict[str, dict[int | None, Decimal]] = {}

    def add(customer: str, bucket: int | None, value: Decimal) -> None:
        row = found.setdefault(customer, {})
        row[bucket] = row.get(bucket, Decimal(0)) + value

    for sign, item in signed:
        days = (as_of - (item.due if basis == "due" else item.issued)).days
        upper = [0, *edges] if basis == "due" else list(edges)
        add(item.customer, sum(1 for edge in upper if days > edge), sign * item.amount)
    if disputed != "only":
        for customer in {f.customer for f in facts if f.customer}:
            mine = [f for f in facts if f.customer == customer]
            add(customer, None, outstanding(mine) - sum(left for _, left in open_items(mine).values()))
    kept = {c: {b: a for b, a in row.items() if a} for c, row in found.items()}
    return {customer: row for customer, row in kept.items() if row}


def credit_sales(facts: Iterable[Fact], last: date, days: int) -> Decimal:
    total = Decimal(0)
    for fact in facts:
        if not last - timedelta(days=days) < fact.effective <= last:
            continue
        match fact.event:
            case InvoiceIssued() as e:
                total += e.amount.amount
            case CreditNoteIssued() as e:
                total -= e.amount.amount
            case _:
                pass
    return total


def sales_by_customer(facts: Iterable[Fact]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for fact in facts:
        match fact.event:
            case InvoiceIssued() as e:
                net = sum((line.net.amount for line in e.lines), Decimal(0)) if e.lines else e.amount.amount
                found[e.customer] = found.get(e.customer, Decimal(0)) + net
            case CreditNoteIssued() as e:
                found[e.customer] = found.get(e.customer, Decimal(0)) - amount(e.net)
            case _:
                pass
    return found


def order_intake(facts: Iterable[Fact]) -> Decimal:
    total = Decimal(0)
    for fact in facts:
        match fact.event:
            case OrderPlaced() as e:
                total += e.total.amount
            case OrderChanged() as e:
                total += e.total.amount - e.previous_total.amount
            case _:
                pass
    return total


def gross_profit(facts: Iterable[Fact]) -> Decimal:
    total = Decimal(0)
    for fact in facts:
        match fact.event:
            case OrderPlaced() as e:
                total += _profit(e.lines)
            case OrderChanged() as e:
                total += _profit(e.lines) - _profit(e.previous_lines)
            case _:
                pass
    return total


def _profit(lines: Sequence[Any]) -> Decimal:
    return sum(((x.price - x.cost) * x.quantity for x in lines if x.cost is not None), Decimal(0))


def by_product(facts: Iterable[Fact]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for fact in facts:
        match fact.event:
            case OrderPlaced() as e:
                for x in e.lines:
                    found[x.product] = found.get(x.product, Decimal(0)) + x.price * x.quantity
            case OrderChanged() as e:
                for sign, lines in ((1, e.lines), (-1, e.previous_lines)):
                    for x in lines:
                        found[x.product] = found.get(x.product, Decimal(0)) + sign * x.price * x.quantity
            case _:
                pass
    return found


def paid(facts: Iterable[Fact]) -> Decimal:
    return sum((f.event.amount.amount for f in facts if isinstance(f.event, PaymentReceived)), Decimal(0))


def exposures(facts: Iterable[Fact]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for fact in facts:
        if isinstance(fact.event, ExposureChanged):
            signs = {"unallocated_cash": -1}
            moved = sum((signs.get(c, 1) * m.amount for c, m in fact.event.changes.items()), Decimal(0))
            found[fact.event.customer] = found.get(fact.event.customer, Decimal(0)) + moved
    return found


def limits(facts: Sequence[Fact]) -> dict[str, Decimal | None]:
    found: dict[str, Decimal | None] = {}
    for fact in sorted(facts, key=lambda f: (f.effective, f.position)):
        if isinstance(fact.event, AccountOpened | LimitSet):
            found[fact.event.customer] = fact.event.limit.amount if fact.event.limit else None
    return found


@dataclass(frozen=True)
class PaidItem:
    """An instalment of which nothing is open and that money closed."""

    customer: str
    invoice: str
    amount: Decimal
    paid: Decimal
    paid_on: date
    days_to_pay: int
    days_late: int
    paid_days: Decimal


def paid_items(facts: Iterable[Fact]) -> list[PaidItem]:
    issued = [f.event for f in facts if isinstance(f.event, InvoiceIssued)]
    closing = [f.event for f in facts if isinstance(f.event, Allocated)]
    found = []
    for bill, part in ((i, p) for i in issued for p in i.instalments):
        mine = [a for a in closing if (a.invoice, a.instalment) == (bill.invoice, part.number)]
        money = [a for a in mine if a.document_kind == "payment"]
        if not money or sum(a.amount.amount for a in mine) != part.amount.amount:
            continue
        last = max(a.effective for a in money)
        days = [(a.amount.amount, (a.effective - bill.invoice_date).days) for a in money]
        found.append(
            PaidItem(
                bill.customer,
                bill.invoice,
                part.amount.amount,
                sum((amount for amount, _ in days), Decimal(0)),
                last,
                (last - bill.invoice_date).days,
                max(0, (last - part.due).days),
                sum((amount * n for amount, n in days), Decimal(0)),
            )
        )
    return found


# --- customers by what is known of them ---------------------------------------------------------------------------


def attribute(facts: Iterable[Fact], name: str) -> dict[str, str]:
    """What is known last of every registered customer: its type, owner, group, city or risk class."""
    found: dict[str, str] = {}
    stated: dict[str, str] = {}
    for fact in sorted(facts, key=lambda f: (f.effective, f.position)):
        match fact.event:
            case CustomerRegistered() | CustomerUpdated() as e:
                found[e.customer] = found.get(e.customer, "")
                city = e.basics.address.city
                known = {"type": e.basics.type, "owner": e.basics.owner, "group": e.basics.group, "city": city}
                stated |= {e.customer: known[name] or ""} if name in known else {}
            case OwnerAssigned() as e if name == "owner":
                stated[e.customer] = e.owner
            case AccountOpened() | RiskClassSet() as e if name == "risk_class":
                stated[e.customer] = e.risk_class
            case _:
                pass
    return {customer: stated.get(customer, "") for customer in found}


def sums(facts: Sequence[Fact], window: tuple[date, date]) -> dict[str, Any]:
    """The key figures of a period that are sums."""
    first, last = window
    by_then = [f for f in facts if f.effective <= last]
    inside = [f for f in by_then if f.effective >= first]
    placed = [f.event for f in inside if isinstance(f.event, OrderPlaced)]
    return {
        "order_intake": order_intake(inside),
        "billed": sum((f.event.amount.amount for f in inside if isinstance(f.event, InvoiceIssued)), Decimal(0)),
        "sales": sum(sales_by_customer(inside).values(), Decimal(0)),
        "gross_profit": gross_profit(inside),
        "paid": paid(inside),
        "orders": len(placed),
        "period_sales": credit_sales(facts, last, (last - first).days + 1),
        "opening": outstanding(f for f in facts if f.effective < first),
        "outstanding": outstanding(by_then),
        "current": sum((left for due, left in open_items(by_then).values() if due >= last), Decimal(0)),
        "overdue": sum((left for due, left in open_items(by_then).values() if due < last), Decimal(0)),
        "credit_sales": credit_sales(facts, last, 90),
    }


def rfm(facts: Sequence[Fact], as_of: date, bins: int = 5) -> dict[str, tuple[int, int, Decimal, int, int, int]]:
    """By customer with an order: recency, frequency, order intake, and the three scores."""
    days: dict[str, list[date]] = {}
    for fact in facts:
        if isinstance(fact.event, OrderPlaced):
            days.setdefault(fact.event.customer, []).append(fact.event.order_date)
    recency = {c: (as_of - max(d)).days for c, d in days.items()}
    frequency = {c: len(d) for c, d in days.items()}
    monetary = {c: order_intake(f for f in facts if f.customer == c) for c in days}

    def score(customer: str, values: dict[str, Any], sign: int = 1) -> int:
        worse = [v for v in values.values() if sign * v < sign * values[customer]]
        return len(worse) * bins // len(values) + 1

    return {
        c: (recency[c], frequency[c], monetary[c], score(c, recency, -1), score(c, frequency), score(c, monetary))
        for c in days
    }


# --- tiers --------------------------------------------------------------------------------------------------------


def tiers(amounts: dict[str, Decimal], scheme: str = "ABC", a: str = "0.80", b: str = "0.95") -> dict[str, str]:
    """The tier of every subject, in the order of the ranking."""
    order = sorted(amounts, key=lambda subject: (-amounts[subject], subject))
    if scheme == "VIP":
        shares = ((1, "VIP"), (5, "main"), (20, "ordinary"))
        steps = [(-(-len(order) * percent // 100), tier) for percent, tier in shares]
        return {s: next((tier for n, tier in steps if rank <= n), "small") for rank, s in enumerate(order, 1)}
    total = sum(amounts.values(), Decimal(0))
    found: dict[str, str] = {}
    for subject in order:
        before = sum((amounts[s] for s in found), Decimal(0))
        cuts = ((Decimal(a) * total, "A"), (Decimal(b) * total, "B"))
        found[subject] = next((tier for cut, tier in cuts if total > 0 and before < cut), "C")
    return found
