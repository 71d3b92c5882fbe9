"""What explains the difference of two balances: lines that sum to it, ours less theirs, whatever is known."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from credit_svc.domain.amounts import money
from credit_svc.domain.books import Booked, Books, Doc, Unbooked
from events.reconciling import Explanation, ExplanationKind

ZERO = Decimal(0)
MOST_LINES = 50
"""Lines that explain one difference; what is beyond them is summed up by kind."""
MOST_SUMS = 4_096
"""Sums of suspects that are tried where documents are not told."""


@dataclass(frozen=True, slots=True)
class Line:
    """Why the balances differ by `amount`; `reach`: documents whose open amounts it may have changed, the first first.

    `guesses`: it may have changed others, too, since what it would have settled is not known.
    """

    kind: ExplanationKind
    amount: Decimal
    doc: Doc | None = None
    since: date | None = None
    unbooked: Unbooked | None = None
    reach: Sequence[Doc] = field(default=())
    guesses: bool = False


def explained(theirs: Decimal, items: Mapping[Doc, Decimal] | None, books: Books, currency: str) -> list[Explanation]:
    """What explains that `theirs` is not our balance; nothing where it is.

    `items`: what the ERP shows as open, None where it does not tell. The amounts sum to our balance less theirs.
    """
    lines = _lines(theirs, items, books, currency)
    return [_told(line, more, books, currency) for line, more in _bounded(lines)]


def _lines(theirs: Decimal, items: Mapping[Doc, Decimal] | None, books: Books, currency: str) -> list[Line]:
    if books.currency not in (None, currency):
        return [Line("other_currency", -theirs)] if theirs else []
    difference = books.balance - theirs
    if not difference:
        return []
    causes = list(_causes(books, items or {}))
    found = _suspected(difference, causes, books) if items is None else _pinned(theirs, items, books, causes)
    rest = difference - sum((line.amount for line in found), ZERO)
    return [*found, Line("unexplained", rest)] if rest else found


# --- with the ERP's open items ------------------------------------------------------------------------------------


def _pinned(theirs: Decimal, items: Mapping[Doc, Decimal], books: Books, causes: Iterable[Line]) -> list[Line]:
    """Each open amount that differs, on the account of a cause as far as one is known."""
    ours = {doc: b.open for doc, b in books.booked.items()}
    pool = {doc: ours.get(doc, ZERO) - items.get(doc, ZERO) for doc in [*ours, *(d for d in items if d not in ours)]}
    pool = {doc: amount for doc, amount in pool.items() if amount}
    found = [Line(c.kind, used, c.doc, c.since, c.unbooked) for c in causes if (used := _taken(pool, c))]
    found += [_plain(doc, amount, items, books) for doc, amount in pool.items() if amount]
    missing = sum(items.values(), ZERO) - theirs
    return [*found, Line("items_incomplete", missing)] if missing else found


def _taken(pool: dict[Doc, Decimal], cause: Line) -> Decimal:
    """As much of the differences of the same direction as the cause accounts for, taken from `pool`."""
    left = cause.amount
    for doc in cause.reach:
        left -= _take(pool, doc, left)
    if left and cause.guesses:
        left -= _guessed(pool, left)
    return cause.amount - left


def _guessed(pool: dict[Doc, Decimal], wanted: Decimal) -> Decimal:
    """`wanted`, of the one that is as much, else of those that together are; else nothing."""
    exact = next((doc for doc, amount in pool.items() if amount == wanted), None)
    if exact is not None:
        return _take(pool, exact, wanted)
    same = [doc for doc, amount in pool.items() if amount * wanted > 0]
    if abs(sum((pool[doc] for doc in same), ZERO)) < abs(wanted):
        return ZERO
    left = wanted
    for doc in same:
        left -= _take(pool, doc, left)
    return wanted


def _take(pool: dict[Doc, Decimal], doc: Doc, wanted: Decimal) -> Decimal:
    there = pool.get(doc, ZERO)
    if there * wanted <= 0:
        return ZERO
    used = min(there, wanted, key=abs)
    pool[doc] = there - used
    return used


def _plain(doc: Doc, amount: Decimal, items: Mapping[Doc, Decimal], books: Books) -> Line:
    """A difference of one document for which no cause is known."""
    booked = books.booked.get(doc)
    if booked is None:
        return Line("missing_here", amount, doc)
    if doc in items:
        return Line("amount_differs", amount, doc, booked.dated)
    return Line("missing_there" if doc[0] == "invoice" else "unallocated", amount, doc, booked.dated)


# --- without ------------------------------------------------------------------------------------------------------


def _suspected(difference: Decimal, causes: Sequence[Line], books: Books) -> list[Line]:
    """Those of what is known here that make up the difference; else those that fit into it, the first first."""
    suspects = [*causes, *_cash(books)]
    exact = _adding_up(suspects, difference)
    if exact is not None:
        return exact
    found: list[Line] = []
    for suspect in suspects:
        if suspect.amount * difference > 0 and abs(suspect.amount) <= abs(difference):
            found.append(suspect)
            difference -= suspect.amount
    return found


def _adding_up(suspects: Sequence[Line], wanted: Decimal) -> list[Line] | None:
    """Suspects that sum to `wanted`: all of them, else the first that are found; None: none are."""
    if sum((s.amount for s in suspects), ZERO) == wanted:
        return list(suspects)
    sums: dict[Decimal, tuple[Line, ...]] = {ZERO: ()}
    for suspect in suspects:
        for total, those in list(sums.items()):
            sums.setdefault(total + suspect.amount, (*those, suspect))
        if wanted in sums or len(sums) > MOST_SUMS:
            break
    return list(sums[wanted]) if wanted in sums else None


def _cash(books: Books) -> list[Line]:
    """What is unallocated: an ERP may keep it beside the balance."""
    waiting = [b for b in books.booked.values() if b.open < 0]
    return [Line("unallocated", b.open, b.doc, b.dated) for b in sorted(waiting, key=lambda b: (b.dated, b.doc))]


# --- causes -------------------------------------------------------------------------------------------------------


def _causes(books: Books, items: Mapping[Doc, Decimal]) -> Iterable[Line]:
    """What is known to make books differ, the surest first."""
    for u in books.unbooked:
        if u.doc not in books.booked and u.dated <= books.on:
            yield Line(u.verdict, -u.amount, u.doc, u.since, u, (u.doc,), guesses=u.amount < 0)
    seen: set[Doc] = set()
    for b in _duplicates(books, items):
        seen.add(b.doc)
        yield Line("duplicate", b.amount, b.doc, b.recorded.date(), None, _reach(b))
    for b in books.booked.values():
        if b.dated > books.on:
            yield Line("late", -b.amount, b.doc, b.dated, None, _reach(b))
        elif b.doc not in seen and b.doc not in items and books.is_late(b):
            yield Line("late", b.amount, b.doc, b.recorded.date(), None, _reach(b))


def _duplicates(books: Books, items: Mapping[Doc, Decimal]) -> list[Booked]:
    """Documents of one kind, day and amount, but for those the ERP shows; the first of them where it shows none."""
    twins: defaultdict[tuple[str, date, Decimal], list[Booked]] = defaultdict(list)
    for b in books.booked.values():
        if b.dated <= books.on:
            twins[b.doc[0], b.dated, b.amount].append(b)
    found: list[Booked] = []
    for alike in (sorted(t, key=lambda b: b.recorded) for t in twins.values() if len(t) > 1):
        unknown = [b for b in alike if b.doc not in items]
        found += unknown[1:] if len(unknown) == len(alike) else unknown
    return found


def _reach(booked: Booked) -> tuple[Doc, ...]:
    return (booked.doc, *(("invoice", invoice) for invoice in booked.against))


# --- as told ------------------------------------------------------------------------------------------------------


def _bounded(lines: Sequence[Line]) -> list[tuple[Line, int]]:
    """The lines, each with how many others it stands for: the largest by themselves, the others summed up by kind."""
    if len(lines) <= MOST_LINES:
        return [(line, 0) for line in lines]
    largest = sorted(lines, key=lambda line: -abs(line.amount))
    kept = largest[: MOST_LINES - len({line.kind for line in lines})]
    others: defaultdict[ExplanationKind, list[Line]] = defaultdict(list)
    for line in largest[len(kept) :]:
        others[line.kind].append(line)
    summed = [(Line(k, sum((x.amount for x in those), ZERO)), len(those)) for k, those in others.items()]
    return [*((line, 0) for line in kept), *summed]


def _told(line: Line, more: int, books: Books, currency: str) -> Explanation:
    kind, number = line.doc or (None, None)
    u = line.unbooked
    known = books.messages.get(line.doc) if line.doc else None
    source, message = (u.source, u.message) if u else known or (None, None)
    return Explanation(
        kind=line.kind,
        amount=money(line.amount, currency),
        document=number,
        document_kind=kind,
        source=source,
        message=message,
        since=line.since,
        rule=u.rule if u else None,
        params=dict(u.params) if u else {},
        more=more,
    )
