"""An order of the ERP cancelled by topic: before it has come, after, and again; on both buses."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.testing import Served, met_on, on_both_buses, serving
from customer_svc.service import SERVICE
from engine.testing.plugin import MakeDatabase, TestServer

pytestmark = pytest.mark.database
ORDERS, CUSTOMERS = "erp.orders.v1", "erp.customers.v1"
CANCELLED = {"customer": "C-1", "order": "O-1", "cancelled_on": "2026-03-05", "reason": "no budget"}


@pytest.fixture
async def kehu(
    request: pytest.FixtureRequest, make_database: MakeDatabase, postgres_server: TestServer
) -> AsyncIterator[Served]:
    beside = ("credit", "complaint", "analytics")
    async with serving(SERVICE, make_database, postgres_server, beside=beside, kafka=met_on(request)) as served:
        yield served


def order(quantity: str = "10") -> dict[str, Any]:
    lines = [{"product": "A", "quantity": quantity, "price": "3.30"}]
    return {"customer": "C-1", "order": "O-1", "order_date": "2026-03-02", "currency": "CNY", "lines": lines}


@on_both_buses
async def test_a_cancellation_waits_for_its_order_cancels_it_once_and_a_later_change_is_refused(kehu: Served) -> None:
    basics = {"name": "A", "type": "dealer", "currency": "CNY"}
    async with kehu.receipts() as receipt:
        await kehu.produces(CUSTOMERS, "erp.Customer.v1", "c", {"customer": "C-1", "basics": basics})
        assert (await receipt("c"))["verdict"] == "accepted"
        await kehu.produces(ORDERS, "erp.OrderCancellation.v1", "x1", CANCELLED)
        waits = await receipt("x1")
        assert (waits["verdict"], waits["rule"]) == ("waiting", "order-not-arrived")
        assert waits["sentence"] == "Order O-1 has not arrived yet; what refers to it waits."
        await kehu.produces(ORDERS, "erp.Order.v1", "o1", order())
        assert (await receipt("o1"))["verdict"] == "accepted"
        assert (await receipt("x1"))["verdict"] == "accepted"
        shown = (await kehu.get("/orders/O-1")).json()
        assert (shown["state"], shown["cancelled_on"], shown["cancel_reason"]) == (
            "cancelled",
            "2026-03-05",
            "no budget",
        )
        await kehu.produces(ORDERS, "erp.Order.v1", "o2", order("12"))
        refused = await receipt("o2")
        assert (refused["verdict"], refused["rule"]) == ("rejected", "order-is-cancelled")
        assert "O-1" in refused["sentence"]
        await kehu.produces(ORDERS, "erp.OrderCancellation.v1", "x1", CANCELLED)
        assert (await receipt("x1"))["verdict"] == "duplicate"
