"""What there is to find in the demo company is there on whatever day it is started."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from demo_books import Account, accounts
from demo_worlds import LAST_DAYS, LATER, firm, later, said, told

from all_in_one.demo.company.complaints import FIXED, acts
from all_in_one.demo.company.history import latest_bill
from all_in_one.demo.company.stories import STORIES
from complaint_svc.domain import complaint as commands
from engine.decider import Command

DAY = timedelta(days=1)
A_DAY = LAST_DAYS[0]
each_last_day = pytest.mark.parametrize("day", LAST_DAYS, ids=str)
COMMANDS: dict[str, type[Command]] = {
    "/": commands.OpenComplaint,
    "/judge": commands.JudgeComplaint,
    "/assign": commands.AssignDepartment,
    "/analyse": commands.AnalyseCause,
    "/propose": commands.ProposeSolution,
    "/refuse": commands.RefuseSolution,
    "/accept": commands.AcceptSolution,
    "/carry-out": commands.CarryOutSolution,
    "/evaluate": commands.EvaluateComplaint,
}


def figures(account: Account, day: date) -> tuple[Decimal, Decimal, Decimal, int, str]:
    return account.limit, account.exposure, account.overdue(day), account.days_overdue(day), account.risk_class


@each_last_day
def test_the_figures_of_a_story_are_the_same_on_every_day_of_a_year(day: date) -> None:
    here, there = accounts(told(day), day), accounts(told(A_DAY), A_DAY)
    assert {c: figures(here[c], day) for c in STORIES} == {c: figures(there[c], A_DAY) for c in STORIES}


@each_last_day
def test_one_customer_is_about_to_cost_money_and_four_are_on_their_way(day: date) -> None:
    eve = day - DAY
    late = {c: a.days_overdue(eve) for c, a in accounts(told(day), eve).items()}
    assert {c for c, days in late.items() if days >= 90} == {"C-117"}
    assert {c for c, days in late.items() if 30 <= days < 90} == {"C-121", "C-122", "C-123", "C-124"}
    assert max(late[c] for c in ("C-121", "C-122", "C-123", "C-124")) < 60
    assert sum(0 < days < 30 for days in late.values()) >= 5


@each_last_day
def test_two_customers_are_above_their_limit_one_of_them_in_good_health(day: date) -> None:
    eve = day - DAY
    found = accounts(told(day), eve)
    assert {c for c, a in found.items() if c and a.exposure > a.limit} == {"C-117", "C-125"}
    assert found["C-125"].overdue(eve) == 0


def test_the_one_that_goes_under_orders_more_while_it_pays_less() -> None:
    found = [d for d in told(A_DAY) if d.data.get("customer") == "C-117"]

    def ordered(first: int, last: int) -> Decimal:
        days = (A_DAY - timedelta(days=first), A_DAY - timedelta(days=last))
        placed = (d for d in found if d.type == "erp.Order.v1" and days[0] <= d.effective < days[1])
        return sum((Decimal(x["quantity"]) * Decimal(x["price"]) for d in placed for x in d.data["lines"]), Decimal(0))

    assert ordered(140, 0) > 2 * ordered(280, 140) > 0
    paid = [d.effective for d in found if d.type == "erp.Payment.v1"]
    assert (A_DAY - max(paid)).days > 80


def test_of_one_payment_we_were_told_a_month_later() -> None:
    then = A_DAY - timedelta(days=40)
    known_then = accounts(told(A_DAY), then)["C-118"]
    paid_by_then = [d for d in told(A_DAY) if d.effective <= then]
    known_now = accounts(paid_by_then, A_DAY)["C-118"]
    assert known_then.owed - known_now.owed == Decimal("1355484.72")


@each_last_day
def test_within_the_shortest_month_another_one_begins_to_be_late(day: date) -> None:
    after = day + timedelta(days=28)
    assert accounts(later(day), after)["C-119"].days_overdue(after) >= 30
    assert accounts(told(day), day)["C-119"].days_overdue(day) < 4


# --- complaints ---------------------------------------------------------------------------------------------------


@each_last_day
def test_a_complaint_stands_in_every_step_and_some_were_left_lying(day: date) -> None:
    last: dict[str, tuple[str, date]] = {}
    for act in said(day):
        if act.day <= day:
            last[act.complaint] = act.path, act.day
    assert {path for path, _ in last.values()} == set(COMMANDS)
    waiting = Counter(path for path, since in last.values() if (day - since).days > 14 and path != "/evaluate")
    assert waiting["/"] >= 1
    assert waiting["/assign"] >= 1


def test_every_step_is_a_command_complaint_svc_understands_once_and_in_order() -> None:
    steps: defaultdict[str, list[int]] = defaultdict(list)
    for act in said(A_DAY):
        COMMANDS[act.path].model_validate(act.body)
        steps[act.complaint].append(act.number)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in steps.values())
    assert len(steps) > len(FIXED) + 15
    languages = Counter(act.body["object"].isascii() for act in said(A_DAY) if act.path == "/")
    assert min(languages.values()) >= 3


def test_complaints_go_on_and_what_was_said_stays_said() -> None:
    bill = latest_bill(firm(A_DAY))
    assert list(acts(firm(A_DAY), A_DAY, bill)) == [act for act in said(A_DAY) if act.day <= A_DAY]
    assert sum(act.path == "/" and act.day > A_DAY for act in said(A_DAY)) >= LATER.days // 8


def test_those_who_dispute_name_the_invoice_and_what_they_do_not_agree_with() -> None:
    named = {a.body["customer"]: a.body for a in said(A_DAY) if a.path == "/" and "invoice" in a.body}
    assert {"C-117", "C-126", "C-127"} <= named.keys()
    sent = {d.data["invoice"]: d.data for d in told(A_DAY) if d.type == "erp.Invoice.v1"}
    for body in named.values():
        if body["invoice"] in sent:
            amount = Decimal(sent[body["invoice"]]["amount"]["amount"])
            assert Decimal(body["disputed"]["amount"]) == (amount * 3 / 10).quantize(Decimal("0.01"), "ROUND_HALF_UP")
