"""The timeline of a customer over all services."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chassis.testing import Served, serving
from customer_svc.projections.timeline import PREFIX, TIMELINE, TimelineEntry
from customer_svc.service import SERVICE
from engine.testing.plugin import MakeDatabase, TestServer
from engine.testing.running import eventually
from engine.testing.spec import envelope, given
from events.analytics import AlertCleared
from events.base import Event, PositiveMoney
from events.complaint import ComplaintReopened
from events.credit import Instalment, InvoiceIssued, PaymentReceived
from events.customer import Contact, ContactRecorded
from events.registry import ALL
from events.samples import sample

BASICS = {"name": "沪东机械", "type": "dealer", "currency": "CNY"}
AMOUNT = PositiveMoney(amount=Decimal(600), currency="CNY")
ISSUED = InvoiceIssued(
    customer="C-1",
    invoice="I-1",
    order=None,
    invoice_date=date(2030, 1, 7),
    amount=AMOUNT,
    instalments=(Instalment(number=1, due=date(2030, 2, 6), amount=AMOUNT),),
)
PAID = PaymentReceived(customer="C-1", payment="P-1", amount=AMOUNT, value_date=date(2030, 1, 6))
AGAIN = ComplaintReopened(customer="C-1", complaint="CP-1", new_facts="二次检测")
CLEARED = AlertCleared(alert="A-1", rule="overdue", customer="C-1", on=date(2030, 1, 8))


def shown(event: Event) -> TimelineEntry:
    (row,) = given([envelope(event)]).project(TIMELINE).rows
    return TimelineEntry.model_validate(dict(zip(TIMELINE.table.c.keys(), row, strict=True)))


@pytest.mark.parametrize("event", [e for e in ALL if "customer" in e.model_fields], ids=lambda e: e.type)
def test_every_event_of_a_customer_is_on_its_timeline_in_both_languages_with_a_link(event: type[Event]) -> None:
    entry = shown(sample(event))
    assert entry.type == event.type
    assert entry.link == f"/api/{PREFIX[event.context()]}/events/{entry.event}"
    assert entry.sentence["en"] != entry.sentence["zh-CN"]


def test_what_concerns_the_company_is_on_no_timeline() -> None:
    company = CLEARED.model_copy(update={"customer": None})
    assert given([envelope(company)]).project(TIMELINE).rows == ()


def test_a_timeline_names_persons_by_their_ids_alone() -> None:
    contact = Contact(person="P-1", role="buyer", name="王芳", phone="021-555")
    row = repr(given([envelope(ContactRecorded(customer="C-1", contact=contact))]).project(TIMELINE).rows)
    assert "P-1" in row
    assert "王芳" not in row


@pytest.fixture
async def kehu(make_database: MakeDatabase, postgres_server: TestServer) -> AsyncIterator[Served]:
    beside = ("credit", "complaint", "analytics")
    async with serving(SERVICE, make_database, postgres_server, beside=beside) as served:
        yield served


async def told(kehu: Served, **params: str) -> list[dict[str, Any]]:
    answer = await kehu.get("/timeline", customer="C-1", **params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def paged(kehu: Served, order: str) -> list[str]:
    """The events of all pages of two."""
    found: list[str] = []
    more: dict[str, str] = {}
    for _ in range(9):
        page = (await kehu.get("/timeline", customer="C-1", limit="2", order=order, **more)).json()
        found += [e["event"] for e in page["items"]]
        if page["next"] is None:
            break
        more = {"cursor": page["next"]}
    return found


@pytest.mark.database
async def test_what_all_services_say_of_a_customer_is_one_timeline(kehu: Served) -> None:
    await kehu.post("", {"customer": "C-1", "basics": BASICS, "since": "2030-01-05"})
    await kehu.post("", {"customer": "C-2", "basics": BASICS, "since": "2030-01-05"})
    await kehu.hears("credit", "invoice-I-1", ISSUED, date(2030, 1, 7))
    await kehu.hears("credit", "payment-P-1", PAID, date(2030, 1, 6))
    await kehu.hears("complaint", "complaint-CP-1", AGAIN, date(2030, 1, 7))
    await kehu.hears("analytics", "alert-A-1", CLEARED, date(2030, 1, 8))

    async def complete() -> bool:
        return len(await told(kehu)) == 5

    await eventually(complete)
    by_effective = await told(kehu)
    assert [e["sentence"]["en"] for e in by_effective] == [
        "The cause of alert A-1 (payment overdue) is gone",
        "Complaint CP-1 opened again: 二次检测",
        "Invoice I-1 over CNY 600.00, due 2030-02-06",
        "Payment P-1 of CNY 600.00 received on 2030-01-06",
        "Registered as a customer: 沪东机械, dealer",
    ]
    assert by_effective[2]["sentence"]["zh-CN"] == "发票 I-1，金额 600.00 元，2030-02-06 到期"
    assert (by_effective[2]["actor"], by_effective[4]["actor"]) == ("credit", "dev-admin")
    by_recorded = await told(kehu, order="recorded", newest_first="false")
    names = "CustomerRegistered InvoiceIssued PaymentReceived ComplaintReopened AlertCleared"
    assert [e["type"].partition(".")[2] for e in by_recorded] == names.split()
    assert [e["type"] for e in await told(kehu, topic="credit")] == ["credit.InvoiceIssued", "credit.PaymentReceived"]
    assert [e["effective"] for e in await told(kehu, type="credit.PaymentReceived")] == ["2030-01-06"]
    assert len(await told(kehu, **{"from": "2030-01-06", "to": "2030-01-07"})) == 3
    for order in ("effective", "recorded"):
        assert await paged(kehu, order) == [e["event"] for e in await told(kehu, order=order)]
    assert (await kehu.get("/timeline", customer="C-9")).status_code == 404
    assert (await kehu.get("/timeline", customer="C-1", cursor="WzFd")).status_code == 422
