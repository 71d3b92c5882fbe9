"""The one path: order, credit, invoice, lateness, alert and complaint, through the product as people use it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest

from tests.journeys.people import Listener, Person, money, until
from tests.journeys.running import Kehu, company

FIRST_DAY = date(2030, 1, 7)
"""Beyond the clock's date: no day but those opened here begins."""
CREDIT, CUSTOMERS, ANALYTICS, COMPLAINTS = "/api/credit", "/api/customers", "/api/analytics", "/api/complaints"
FIGURES = ("balance", "balance/customers", "ageing", "dso", "limits", "tiers", "products", "totals", "complaints")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("the_one_path")]


@dataclass
class Firm:
    """The company at work: sales places orders, credit decides about holds, finance writes invoices."""

    kehu: Kehu
    boss: Person
    sales: Person
    credit: Person
    finance: Person
    handler: Person

    def today(self) -> date:
        return date.fromisoformat(self.boss.see(f"{CUSTOMERS}/days")["today"])

    def forward(self, days: int) -> date:
        """Open a later day; the day."""
        today = self.today()
        self.boss.do(f"{CUSTOMERS}/days/advance", {"since": today.isoformat(), "days": days})
        return today + timedelta(days=days)

    def customer(self, key: str, limit: str) -> None:
        """Register a customer with a contact and a limit."""
        basics = {"name": f"沪东机械 {key}", "type": "dealer", "currency": "CNY"}
        self.sales.do(f"{CUSTOMERS}/", {"customer": key, "basics": basics, "since": "2029-01-01"})
        contact = {"person": f"P-{key}", "name": "王芳", "phone": "021-5551", "role": "purchasing"}
        self.sales.do(f"{CUSTOMERS}/contacts", {"customer": key, "contact": contact}, "PUT")
        until(lambda: self.credit.client.get(f"{CREDIT}/accounts/{key}").status_code == 200)
        self.credit.do(f"{CREDIT}/limits", {"customer": key, "limit": money(limit), "reason": "a first order"})

    def order(self, customer: str, key: str, quantity: int) -> dict[str, Any]:
        """Place an order of pumps at 60.00 and wait for credit's decision."""
        line = {"product": "PUMP", "quantity": str(quantity), "price": "60.00", "cost": "40.00"}
        body = {"customer": customer, "order": key, "currency": "CNY", "lines": [line]}
        self.sales.do(f"{CUSTOMERS}/orders", body)
        return self.becomes(key, "confirmed", "held")

    def becomes(self, order: str, *states: str) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            shown: dict[str, Any] = self.sales.see(f"{CUSTOMERS}/orders/{order}")
            return shown if shown["state"] in states else None

        found: dict[str, Any] = until(reached)
        return found

    def invoice(self, customer: str, key: str, day: date, *parts: tuple[date, str], order: str | None = None) -> None:
        """Invoice in instalments."""
        instalments = [{"number": n, "due": d.isoformat(), "amount": money(a)} for n, (d, a) in enumerate(parts, 1)]
        amount = money(str(sum(Decimal(a) for _, a in parts)))
        body = {"customer": customer, "invoice": key, "invoice_date": day.isoformat(), "amount": amount}
        self.finance.do(f"{CREDIT}/invoices", {**body, "instalments": instalments, "order": order})

    def pay(self, customer: str, key: str, amount: str) -> None:
        """Receive an unnamed payment today."""
        body = {"customer": customer, "payment": key, "amount": money(amount), "value_date": self.today().isoformat()}
        self.finance.do(f"{CREDIT}/payments", body)

    def account(self, customer: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.credit.see(f"{CREDIT}/accounts/{customer}")
        return shown

    def figure(self, name: str, **parameters: Any) -> dict[str, Any]:
        """A figure that knows what everybody here has done."""
        known = chain(*(person.positions.items() for person in (self.sales, self.credit, self.finance)))
        at_least = ",".join(f"{service}:{position}" for service, position in known)
        shown: dict[str, Any] = self.boss.see(f"{ANALYTICS}/{name}", at_least=at_least, **parameters)
        return shown


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    roles = ("admin", "sales", "credit-manager", "finance", "complaint-handler")
    with ExitStack() as office:
        kehu = office.enter_context(company(tmp_path_factory.mktemp("firm")))
        firm = Firm(kehu, *(office.enter_context(Person(kehu, f"dev-{role}")) for role in roles))
        firm.boss.do(f"{CUSTOMERS}/days/open", {"day": FIRST_DAY.isoformat()})
        firm.boss.do(f"{CUSTOMERS}/days/live", {})
        kehu.settled()
        yield firm


def test_an_order_within_the_limit_goes_and_one_above_it_is_held_for_all_reasons_until_a_person_releases_it(
    firm: Firm,
) -> None:
    firm.customer("C-1", "1000.00")
    [contact] = firm.sales.see(f"{CUSTOMERS}/contacts", customer="C-1")["items"]
    assert (contact["name"], contact["phone"]) == ("王芳", "021-5551")
    assert firm.order("C-1", "O-1", 10)["state"] == "confirmed"
    firm.invoice("C-1", "I-OLD", FIRST_DAY - timedelta(100), (FIRST_DAY - timedelta(70), "50.00"))
    blocked = firm.order("C-1", "O-2", 10)
    assert (blocked["state"], blocked["reasons"]) == ("held", ["over-limit", "overdue"])
    early = firm.sales.ask(f"{CUSTOMERS}/orders/deliver", {"order": "O-2", "delivery": "D-2"})
    assert (early.status_code, early.json()["type"]) == (409, "/problems/customer/order-is-held")
    [hold] = until(lambda: firm.credit.see(f"{CREDIT}/holds", customer="C-1")["items"])
    assert [r["rule"] for r in hold["reasons"]] == ["over-limit", "overdue"]
    assert (hold["reasons"][0]["exposure"]["amount"], hold["reasons"][1]["days_overdue"]) == ("650.00", 70)
    firm.credit.do(f"{CREDIT}/holds/releases", {"customer": "C-1", "order": "O-2", "reason": "they pay on Friday"})
    assert firm.becomes("O-2", "confirmed")["credit"] == "granted"
    assert firm.credit.see(f"{CREDIT}/holds", customer="C-1")["items"] == []


def test_what_is_ordered_delivered_and_invoiced_moves_through_the_exposure_and_is_counted_once(firm: Firm) -> None:
    firm.customer("C-2", "1000.00")
    firm.order("C-2", "O-3", 10)
    until(lambda: amounts(firm.account("C-2"))["open_orders"])
    assert amounts(firm.account("C-2")) == {"open_orders": 600, "delivered": 0, "open_invoices": 0, "exposure": 600}
    firm.sales.do(f"{CUSTOMERS}/orders/deliver", {"order": "O-3", "delivery": "D-3"})
    until(lambda: amounts(firm.account("C-2"))["delivered"])
    assert amounts(firm.account("C-2")) == {"open_orders": 0, "delivered": 600, "open_invoices": 0, "exposure": 600}
    day = firm.today()
    firm.invoice("C-2", "I-3", day, (day + timedelta(30), "400.00"), (day + timedelta(60), "200.00"), order="O-3")
    shown = firm.finance.see(f"{CREDIT}/invoices/I-3")
    assert [(i["number"], i["open"]) for i in shown["instalments"]] == [(1, "400.00"), (2, "200.00")]
    assert amounts(firm.account("C-2")) == {"open_orders": 0, "delivered": 0, "open_invoices": 600, "exposure": 600}


def amounts(account: dict[str, Any]) -> dict[str, Decimal]:
    return {n: Decimal(account[n]) for n in ("open_orders", "delivered", "open_invoices", "exposure")}


def test_lateness_is_in_the_log_once_a_step_and_its_alert_lives_until_the_money_is_there(firm: Firm) -> None:
    listener = Listener(firm.kehu)
    listener.start()
    firm.customer("C-3", "5000.00")
    day = firm.today()
    due = {1: day + timedelta(10), 2: day + timedelta(40)}
    firm.invoice("C-3", "I-4", day, (due[1], "400.00"), (due[2], "200.00"))
    firm.forward(50)
    until(lambda: listener.alerts("overdue", "C-3"))
    alert = the_alert(firm, "C-3", listener.heard[-1][0])
    assert (alert["state"], alert["level"], alert["value"], alert["numerator"]) == ("open", "warning", "40", "600.00")
    shares = firm.boss.see(f"{ANALYTICS}/alerts/{alert['alert']}/explain")["items"]
    assert sum(Decimal(s["amount"]) for s in shares) + Decimal(alert["remainder"]) == Decimal(alert["numerator"])
    assert {s["event"] for s in shares} <= {e["id"] for e in firm.boss.log(CREDIT)}
    firm.credit.do(f"{ANALYTICS}/alerts/{alert['alert']}/acknowledge", {"note": "I called them"})
    assert the_alert(firm, "C-3", firm.credit.positions["analytics"])["state"] == "acknowledged"
    until(lambda: noticed(firm, "I-4") == lateness(due, (1, 1), (1, 30), (2, 1)))
    firm.forward(1)
    firm.pay("C-3", "PAY-1", "400.00")
    firm.forward(60)
    until(lambda: len(noticed(firm, "I-4")) >= 5)
    firm.pay("C-3", "PAY-2", "200.00")
    until(lambda: "AlertResolved" in listener.alerts("overdue", "C-3"))
    ended = the_alert(firm, "C-3", listener.heard[-1][0])
    assert (ended["alert"], ended["state"], ended["ended_by"]) == (alert["alert"], "resolved", "facts")
    assert noticed(firm, "I-4") == lateness(due, (1, 1), (1, 30), (2, 1), (2, 30), (2, 60))
    assert listener.alerts("overdue", "C-3")[0] == "AlertRaised"
    assert listener.alerts("overdue", "C-3").count("AlertRaised") == 1
    assert listener.alerts("overdue", "C-3").count("AlertAcknowledged") == 1


def the_alert(firm: Firm, customer: str, position: int) -> dict[str, Any]:
    """The overdue alert of a customer, as known at a position heard on the stream."""
    asked: dict[str, Any] = {"rule": "overdue", "customer": customer, "at_least": f"analytics:{position}"}
    [alert] = firm.credit.see(f"{ANALYTICS}/alerts", **asked)["items"]
    return dict(alert)


def noticed(firm: Firm, invoice: str) -> list[tuple[int, int, str]]:
    """Instalment, step and effective date of every PaymentDelayed in the log, sorted."""
    told = [e for e in firm.boss.log(CREDIT, "credit.PaymentDelayed") if e["data"]["invoice"] == invoice]
    return sorted((e["data"]["instalment"], e["data"]["days"], e["effectivedate"]) for e in told)


def lateness(due: dict[int, date], *steps: tuple[int, int]) -> list[tuple[int, int, str]]:
    return [(n, days, (due[n] + timedelta(days)).isoformat()) for n, days in steps]


def test_an_answer_that_names_a_position_is_never_older_than_it(firm: Firm) -> None:
    firm.customer("C-4", "100.00")
    for n in range(1, 16):
        firm.invoice("C-4", f"I-5-{n}", firm.today(), (firm.today() + timedelta(30), "1.00"))
        assert Decimal(firm.finance.see(f"{CREDIT}/accounts/C-4")["open_invoices"]) == n
        owed = firm.finance.see(f"{ANALYTICS}/balance", customer="C-4")
        assert Decimal(owed["outstanding"]) == n
        assert owed["through"]["credit"] >= firm.finance.positions["credit"]
    ahead = {"X-Kehu-Position": f"credit:{firm.finance.positions['credit'] + 1_000_000}"}
    late = firm.finance.client.get(f"{CREDIT}/accounts", headers=ahead)
    assert (late.status_code, late.json()["type"]) == (503, "/problems/kehu/view-behind")


def test_a_complaint_goes_through_its_seven_steps_in_order_and_its_state_is_a_figure(firm: Firm) -> None:
    firm.customer("C-5", "100.00")
    complainant = {"person": "P-C-5", "name": "王芳", "phone": "021-5551"}
    opening = {"customer": "C-5", "subject": "late_delivery", "object": "O-1", "demand": "a discount"}
    key = firm.handler.do(f"{COMPLAINTS}/", {**opening, "complainant": complainant})["id"]
    skipped = firm.handler.ask(f"{COMPLAINTS}/analyse", {"complaint": key, "departments": ["sales"], "cause": "none"})
    assert (skipped.status_code, skipped.json()["type"]) == (409, "/problems/complaint/step-out-of-order")
    for path, body in STEPS:
        firm.handler.do(f"{COMPLAINTS}/{path}", {"complaint": key, **body})
    shown = firm.handler.see(f"{COMPLAINTS}/{key}")
    assert (shown["stage"], shown["solution_version"]) == ("evaluated", 2)
    figure = firm.handler.see(f"{ANALYTICS}/complaints", customer="C-5")
    assert (figure["states"], figure["open"]) == ({"evaluated": 1}, 0)
    assert [(c["complaint"], c["step"]) for c in figure["complaints"]["items"]] == [(key, 7)]


STEPS: list[tuple[str, dict[str, Any]]] = [
    ("judge", {"established": True, "finding": "ten days late", "feedback": "we apologise"}),
    ("assign", {"department": "logistics", "responsible": "sun"}),
    ("analyse", {"departments": ["logistics"], "cause": "no lorry"}),
    ("propose", {"solution": "5 % off"}),
    ("refuse", {"solution_version": 1, "answer": "too little", "negotiation": "8 %"}),
    ("propose", {"solution": "8 % off"}),
    ("accept", {"solution_version": 2}),
    ("carry-out", {"result": "credit note CN-7"}),
    ("evaluate", {"summary": "late", "prevention": "a second carrier", "action": "a warning"}),
]


def test_balance_ageing_dso_and_tiers_of_a_customer_are_those_on_its_paper(firm: Firm) -> None:
    firm.customer("C-6", "100000.00")
    day = firm.today()
    firm.invoice("C-6", "I-6", day - timedelta(89), (day - timedelta(45), "3000.00"), (day, "5000.00"))
    firm.invoice("C-6", "I-7", day - timedelta(10), (day - timedelta(1), "1000.00"))
    firm.pay("C-6", "PAY-6", "1500.00")
    owed = firm.figure("balance", customer="C-6")
    assert (owed["receivable"], owed["outstanding"]) == ("7500.00", "7500.00")
    aged = firm.figure("ageing", customer="C-6")
    found = {b["bucket"]: Decimal(b["amount"]) for b in aged["buckets"] if Decimal(b["amount"])}
    assert found == {"current": 5000, "1-30": 1000, "31-60": 1500}
    assert Decimal(firm.figure("dso", customer="C-6")["dso"]) == Decimal("75.00")
    ranked = firm.figure("tiers")
    assert (ranked["members"]["items"][0]["subject"], ranked["members"]["items"][0]["tier"]) == ("C-6", "A")
    assert sum(Decimal(m["amount"]) for m in ranked["members"]["items"]) == Decimal(ranked["total"])


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_how_far_it_reaches_and_whether_that_may_change(firm: Firm, name: str) -> None:
    firm.kehu.settled()
    figure = firm.figure(name)
    assert figure["as_of"] == firm.today().isoformat()
    assert figure["provisional"] is False
    heads = {topic: head(firm, topic) for topic in figure["through"]}
    assert figure["through"] == heads
    assert firm.figure(name, known_at="2099-01-01T00:00:00Z")["provisional"] is True


def head(firm: Firm, topic: str) -> int:
    """The last position of a topic, read through the feed; the log of customers also holds the company's days."""
    prefix = {"customer": CUSTOMERS, "credit": CREDIT, "complaint": COMPLAINTS, "analytics": ANALYTICS}[topic]
    return max((int(e["sequence"]) for e in firm.boss.log(prefix) if e["type"].startswith(f"{topic}.")), default=0)
