"""Documents that come late, dated back, too early, or to take something back, by topic: on both buses."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from chassis.testing import Served, met_on, on_both_buses, serving
from credit_svc.service import SERVICE
from engine.testing.plugin import MakeDatabase, TestServer
from engine.testing.running import eventually
from events.customer import Basics, CustomerRegistered

pytestmark = pytest.mark.database
INVOICES, PAYMENTS = "erp.invoices.v1", "erp.payments.v1"


@pytest.fixture
async def kehu(
    request: pytest.FixtureRequest, make_database: MakeDatabase, postgres_server: TestServer
) -> AsyncIterator[Served]:
    """Credit with an account of C-1."""
    async with serving(SERVICE, make_database, postgres_server, beside=("customer",), kafka=met_on(request)) as served:
        basics = Basics(name="A", type="dealer", currency="CNY")
        registered = CustomerRegistered(customer="C-1", basics=basics, since=date(2026, 1, 1))
        await served.hears("customer", "customer-C-1", registered, date(2026, 1, 1))

        async def opened() -> bool:
            return (await served.http.get("/api/credit/accounts/C-1")).status_code == 200

        await eventually(opened)
        yield served


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def invoice(name: str, amount: str, day: str, due: str) -> tuple[str, str, str, Any]:
    data = {"customer": "C-1", "invoice": name, "invoice_date": day, "due": due, "amount": money(amount)}
    return INVOICES, "erp.Invoice.v1", name, data


def payment(name: str, amount: str, day: str, *names: str) -> tuple[str, str, str, Any]:
    data = {"customer": "C-1", "payment": name, "value_date": day, "amount": money(amount), "names": list(names)}
    return PAYMENTS, "erp.Payment.v1", name, data


def credit_note(name: str, amount: str, day: str, of: str) -> tuple[str, str, str, Any]:
    data = {"customer": "C-1", "credit_note": name, "invoice": of, "amount": money(amount), "issued_on": day}
    return INVOICES, "erp.CreditNote.v1", name, {**data, "reason": "cancelled"}


async def shown(kehu: Served, path: str) -> Any:
    answer = await kehu.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@on_both_buses
async def test_a_late_invoice_is_taken_with_its_own_day_and_leaves_what_others_settled(kehu: Served) -> None:
    async with kehu.receipts() as receipt:
        await kehu.produces(*invoice("R-2", "100.00", "2026-02-01", "2026-03-01"))
        assert (await receipt("R-2"))["verdict"] == "accepted"
        await kehu.produces(*payment("Z-1", "100.00", "2026-02-10"))
        assert (await receipt("Z-1"))["verdict"] == "accepted"
        await kehu.produces(*invoice("R-1", "100.00", "2026-01-05", "2026-01-20"))
        late = await receipt("R-1")
    assert (late["verdict"], late["record"].rpartition("/")[0].startswith(INVOICES)) == ("accepted", True)
    found = await shown(kehu, "/invoices/R-1")
    assert (found["invoice_date"], found["open"]) == ("2026-01-05", "100.00")
    assert (await shown(kehu, "/invoices/R-2"))["open"] == "0.00"


@on_both_buses
async def test_a_payment_dated_back_counts_from_its_value_date_but_never_before_its_invoice(kehu: Served) -> None:
    async with kehu.receipts() as receipt:
        await kehu.produces(*invoice("R-1", "100.00", "2026-01-05", "2026-02-04"))
        await receipt("R-1")
        await kehu.produces(*payment("Z-1", "60.00", "2026-01-20", "R-1"))
        await receipt("Z-1")
        await kehu.produces(*payment("Z-0", "10.00", "2025-12-30", "R-1"))
        assert (await receipt("Z-0"))["verdict"] == "accepted"
    settled = {(await shown(kehu, f"/payments/{z}"))["allocations"][0]["effective"]: z for z in ("Z-0", "Z-1")}
    assert settled == {"2026-01-05": "Z-0", "2026-01-20": "Z-1"}
    assert (await shown(kehu, "/invoices/R-1"))["open"] == "30.00"


@on_both_buses
async def test_what_refers_to_an_invoice_that_has_not_come_waits_with_the_rule_and_a_payment_never_does(
    kehu: Served,
) -> None:
    async with kehu.receipts() as receipt:
        await kehu.produces(*credit_note("G-1", "40.00", "2026-01-30", "R-1"))
        waits = await receipt("G-1")
        assert (waits["verdict"], waits["rule"]) == ("waiting", "unknown-invoice")
        assert waits["sentence"] == "Customer C-1 has no invoice R-1 that could be credited."
        await kehu.produces(*payment("Z-1", "60.00", "2026-01-20", "R-1"))
        assert (await receipt("Z-1"))["verdict"] == "accepted"
        assert (await shown(kehu, "/payments/Z-1"))["unallocated"] == "60.00"
        await kehu.produces(*invoice("R-1", "100.00", "2026-01-05", "2026-02-04"))
        assert (await receipt("R-1"))["verdict"] == "accepted"
        assert (await receipt("G-1"))["verdict"] == "accepted"
    assert (await shown(kehu, "/invoices/R-1"))["open"] == "0.00"


@on_both_buses
async def test_an_invoice_is_cancelled_by_a_credit_note_and_not_by_another_body_under_its_number(kehu: Served) -> None:
    async with kehu.receipts() as receipt:
        await kehu.produces(*invoice("R-1", "100.00", "2026-01-05", "2026-02-04"))
        await receipt("R-1")
        topic, kind, _, data = invoice("R-1", "70.00", "2026-01-05", "2026-02-04")
        await kehu.produces(topic, kind, "R-1-again", data)
        again = await receipt("R-1-again")
        assert (again["verdict"], again["rule"]) == ("rejected", "invoice-issued-already")
        assert again["sentence"].endswith("was issued already and reads otherwise; correct it with a credit note.")
        await kehu.produces(*credit_note("G-1", "100.00", "2026-02-01", "R-1"))
        assert (await receipt("G-1"))["verdict"] == "accepted"
    assert (await shown(kehu, "/invoices/R-1"))["open"] == "0.00"
    assert (await shown(kehu, "/accounts/C-1"))["exposure"] == "0.00"
