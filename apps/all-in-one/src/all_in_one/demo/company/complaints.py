"""Complaints: what is entered about each on which day, in every one of the seven steps; some have been left lying."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from all_in_one.demo.company.buyers import Firm
from all_in_one.demo.company.chance import Chance
from all_in_one.demo.company.complaint_texts import CASES, REFUSAL, UNFOUNDED, Case, Words
from all_in_one.demo.company.deals import FEN, Bill
from all_in_one.demo.company.papers import money
from all_in_one.demo.company.persons import language, people
from all_in_one.demo.company.roster import ROSTER, Entry

FIRST = 118
"""Days before the last day of the first complaint."""
PLAIN = ("open", "judge", "assign", "analyse", "propose", "accept", "carry-out", "evaluate")
REFUSED = (*PLAIN[:5], "refuse", "propose-better", "accept-better", *PLAIN[6:])
UNTRUE = ("open", "dismiss")
ENTRY: Mapping[str, Entry] = {entry.id: entry for entry in ROSTER}


@dataclass(frozen=True, slots=True)
class Act:
    """A step of a complaint, entered on `day`: the command under /api/complaints and its body."""

    day: date
    complaint: str
    number: int
    path: str
    body: Mapping[str, Any]

    @property
    def key(self) -> str:
        return f"{self.complaint}/{self.number}"


@dataclass(frozen=True, slots=True)
class Fixed:
    """A complaint that stands at a certain step on the last day. `done`: steps since, on these days after it opened."""

    customer: str
    opened: int
    case: int
    steps: Sequence[str]
    done: Sequence[int]


FIXED: Sequence[Fixed] = (
    Fixed("C-119", 2, 1, PLAIN, (0,)),
    Fixed("C-104", 16, 4, PLAIN, (0,)),  # nobody has looked at it for two weeks
    Fixed("C-103", 9, 3, PLAIN, (0, 2)),
    Fixed("C-132", 30, 2, UNTRUE, (0, 4)),
    Fixed("C-117", 18, 0, PLAIN, (0, 1, 3)),  # quality is complained of where money is missing
    Fixed("C-126", 21, 0, REFUSED, (0, 2, 4, 9)),
    Fixed("C-127", 24, 0, PLAIN, (0, 2, 3, 8, 12)),
    Fixed("C-113", 27, 2, REFUSED, (0, 2, 5, 9, 13, 17)),
    Fixed("C-110", 33, 5, PLAIN, (0, 1, 4, 8, 11, 16)),
    Fixed("C-108", 40, 1, PLAIN, (0, 2, 3, 9, 12, 15, 24)),
    Fixed("C-105", 55, 3, PLAIN, (0, 1, 2, 6, 9, 12, 20, 26)),
    Fixed("C-121", 47, 1, PLAIN, (0, 3, 6)),  # assigned six weeks ago, and no cause found since
)


LatestBill = Callable[[str, date], Bill | None]
"""(customer, day) -> its last bill at least twelve days before; one it disputes, where it disputes any."""


def acts(firm: Firm, through: date, bill: LatestBill) -> Sequence[Act]:
    """All that has been entered by the evening of `through`, in order: a later day adds acts and changes none."""
    found = [a for n, fixed in enumerate(FIXED, 1) for a in _fixed(firm, n, fixed, bill)]
    found += [a for n, opened in _openings(firm, through) for a in _drawn(firm, n, opened, bill)]
    return sorted((a for a in found if a.day <= through), key=lambda a: (a.day, a.complaint, a.number))


def _fixed(firm: Firm, number: int, fixed: Fixed, bill: LatestBill) -> Iterator[Act]:
    """Done as said; what is left is done after the last day, every four days."""
    opened = firm.ago(fixed.opened)
    days = [opened + timedelta(days=after) for after in fixed.done]
    days += [firm.ago(-6 - 4 * n) for n in range(len(fixed.steps) - len(fixed.done))]
    about = _About.of(firm, f"CP-9{number:02}", fixed.customer, CASES[fixed.case], opened, bill)
    return _acts(about, list(zip(fixed.steps, days, strict=True)))


def _openings(firm: Firm, through: date) -> Iterator[tuple[int, date]]:
    """One every six or seven days, without end."""
    number, day = 0, firm.ago(FIRST)
    while day <= through:
        number += 1
        yield number, day + timedelta(days=firm.chance.between(0, 3, "complaint", number))
        day = firm.ago(FIRST - number * 13 // 2)


def _drawn(firm: Firm, number: int, opened: date, bill: LatestBill) -> Iterator[Act]:
    draw = firm.chance.of("complaint", number)
    steps = draw.pick((PLAIN, PLAIN, PLAIN, REFUSED, UNTRUE), "steps")
    customer = draw.pick([e.id for e in ROSTER if e.size != "C" and e.payer != "newcomer"], "customer")
    about = _About.of(firm, f"CP-{number:03}", customer, draw.pick(CASES, "case"), opened, bill)
    days = [opened]
    for step in steps[1:]:
        days.append(days[-1] + timedelta(days=draw.between(1, 5, step)))
    return _acts(about, list(zip(steps, days, strict=True)))


# --- as commands --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _About:
    """What a complaint is about, and who complains."""

    complaint: str
    entry: Entry
    case: Case
    spoken: str
    person: Mapping[str, str]
    bill: Bill | None
    draw: Chance

    @classmethod
    def of(cls, firm: Firm, key: str, customer: str, case: Case, opened: date, bill: LatestBill) -> "_About":
        """A complaint of `customer`."""
        entry, person = ENTRY[customer], people(ENTRY[customer], firm.chance)[0]
        who = {"person": person.id, "name": person.name, "phone": person.phone}
        about = bill(customer, opened) if case.money else None
        return cls(key, entry, case, language(entry), who, about, firm.chance.of("complaint", key))

    @property
    def words(self) -> Words:
        return self.case.words[self.spoken]

    @property
    def disputed(self) -> Decimal | None:
        """Three tenths of the bill, as the payments of those who dispute have it."""
        return (self.bill.amount * 3 / 10).quantize(FEN, ROUND_HALF_UP) if self.bill else None


def _acts(about: _About, steps: Sequence[tuple[str, date]]) -> Iterator[Act]:
    for number, (step, day) in enumerate(steps, 1):
        at = f"{day}T10:{about.draw.between(10, 59, step)}:00+08:00"
        body = {"complaint": about.complaint, **_BODY[step](about, at)}
        yield Act(day, about.complaint, number, _PATH.get(step, f"/{step}"), body)


def _open(about: _About, at: str) -> Mapping[str, Any]:
    named = {"invoice": about.bill.invoice, "disputed": money(about.disputed)} if about.bill and about.disputed else {}
    return {
        "customer": about.entry.id,
        "complainant": about.person,
        "complained_at": at,
        "subject": about.case.subject,
        "object": about.words.object,
        "demand": about.words.demand,
        **named,
    }


def _judge(about: _About, at: str) -> Mapping[str, Any]:
    return {"established": True, "finding": about.words.finding, "feedback": about.words.feedback, "fed_back_at": at}


def _dismiss(about: _About, at: str) -> Mapping[str, Any]:
    finding, feedback = UNFOUNDED[about.spoken]
    return {"established": False, "finding": finding, "feedback": feedback, "fed_back_at": at}


def _assign(about: _About, _: str) -> Mapping[str, Any]:
    return {"department": about.case.department, "responsible": f"{about.case.department}-lead"}


def _analyse(about: _About, _: str) -> Mapping[str, Any]:
    return {"departments": list(about.case.departments), "cause": about.words.cause}


def _propose(about: _About, at: str) -> Mapping[str, Any]:
    return {"solution": about.words.solution, "reported_at": at}


def _propose_better(about: _About, at: str) -> Mapping[str, Any]:
    return {"solution": about.words.better, "reported_at": at}


def _refuse(about: _About, _: str) -> Mapping[str, Any]:
    answer, negotiation = REFUSAL[about.spoken]
    return {"solution_version": 1, "answer": answer, "negotiation": negotiation}


def _carry_out(about: _About, _: str) -> Mapping[str, Any]:
    return {"result": about.words.result}


def _evaluate(about: _About, _: str) -> Mapping[str, Any]:
    return {"summary": about.words.summary, "prevention": about.words.prevention, "action": about.words.action}


_PATH = {"open": "/", "dismiss": "/judge", "propose-better": "/propose", "accept-better": "/accept"}
_BODY: Mapping[str, Callable[[_About, str], Mapping[str, Any]]] = {
    "open": _open,
    "judge": _judge,
    "dismiss": _dismiss,
    "assign": _assign,
    "analyse": _analyse,
    "propose": _propose,
    "propose-better": _propose_better,
    "refuse": _refuse,
    "accept": lambda about, at: {"solution_version": 1},
    "accept-better": lambda about, at: {"solution_version": 2},
    "carry-out": _carry_out,
    "evaluate": _evaluate,
}
"""The body of each step's command, `complaint` apart."""
