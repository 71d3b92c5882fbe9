"""The description of an API in a browser: it asks nobody else, and a request can be tried out with a token."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from all_in_one.services import SERVICES
from tests.console.browser import PATIENCE, Visit
from tests.journeys.running import Kehu

TITLE = "Kehu 客户: events and ERP documents 事件与 ERP 单据"
pytestmark = pytest.mark.slow


def test_every_api_is_described_and_no_request_leaves_the_page(kehu: Kehu, visit: Callable[..., Visit]) -> None:
    seen = visit()
    for service in SERVICES:
        seen.page.goto(f"{kehu.url}{service.prefix}/docs")
        seen.page.wait_for_selector(".opblock")
        assert seen.page.title() == service.title
    assert seen.foreign(kehu.url) == []
    assert seen.complaints == []


def test_the_overview_leads_to_the_topics_and_no_request_leaves_that_page_nor_is_code_made_of_text(
    kehu: Kehu, visit: Callable[..., Visit]
) -> None:
    seen = visit()
    seen.page.goto(f"{kehu.url}/")
    with seen.page.expect_response("**/asyncapi") as answered:
        seen.page.get_by_role("link", name="Events and topics").click()
    assert "unsafe" not in answered.value.headers["content-security-policy"]
    shown = seen.page.locator("#asyncapi")
    expect(shown.locator("#introduction")).to_contain_text(TITLE, timeout=2 * PATIENCE)  # three megabytes of it
    expect(seen.page).to_have_title(TITLE)
    credit = shown.locator("#operation-send-publishCreditEvents")
    expect(credit).to_contain_text("credit.InvoiceIssued.v1")
    expect(credit).to_contain_text("信用额度、冻结、风险敞口、发票、回款与逾期。")
    assert seen.foreign(kehu.url) == []
    assert seen.complaints == []


def give_token(page: Page) -> None:
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill("dev-sales")
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").last.click()


def test_a_request_is_tried_out_with_the_token_given(kehu: Kehu, visit: Callable[..., Visit]) -> None:
    page = visit().page
    page.goto(f"{kehu.url}/api/customers/docs#/days/show_day_days_get")
    give_token(page)
    day = page.locator("#operations-days-show_day_days_get")
    day.get_by_role("button", name="Try it out").click()
    with page.expect_response("**/api/customers/days") as answered:
        day.get_by_role("button", name="Execute").click()
    assert answered.value.status == 200
    assert answered.value.request.headers["authorization"] == "Bearer dev-sales"


def test_a_request_to_try_out_is_filled_with_its_example(kehu: Kehu, visit: Callable[..., Visit]) -> None:
    page = visit().page
    page.goto(f"{kehu.url}/api/customers/docs#/orders/place_order_orders_post")
    order = page.locator("#operations-orders-place_order_orders_post")
    order.get_by_role("button", name="Try it out").click()
    first = next(e for e in SERVICES[0].story.examples if e.operation == "POST /orders")
    assert json.loads(order.locator("textarea.body-param__text").input_value()) == first.body
    assert order.get_by_placeholder("Idempotency-Key").input_value() == first.key
    assert order.get_by_placeholder("if-match").input_value() == ""


def test_what_is_tried_out_twice_is_asked_twice_unless_a_key_was_typed(kehu: Kehu, visit: Callable[..., Visit]) -> None:
    """The key of the example is the same for everybody: the second try was answered as a repetition of the first."""
    page = visit().page
    page.goto(f"{kehu.url}/api/customers/docs#/orders/place_order_orders_post")
    give_token(page)
    order = page.locator("#operations-orders-place_order_orders_post")
    order.get_by_role("button", name="Try it out").click()

    def tried() -> str:
        with page.expect_request("**/api/customers/orders") as asked:
            order.get_by_role("button", name="Execute").click()
        return asked.value.headers["idempotency-key"]

    first, second = tried(), tried()
    assert first != second
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in (first, second))
    order.get_by_placeholder("Idempotency-Key").fill("mine")
    assert (tried(), tried()) == ("mine", "mine")
