"""Schemas over HTTP: a list, one by one, and the one an event says it has."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator

from chassis.app import create_app
from chassis.schemas import REFUSED, catalogue
from chassis.wire import DIALECT
from events.erp import DOCUMENTS
from events.registry import ALL


@pytest.fixture
async def anybody() -> AsyncIterator[httpx.AsyncClient]:
    """Without a token, at an origin without services."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app([])), base_url="http://kehu.test") as client:
        yield client


async def test_all_events_documents_and_the_receipt_are_listed_with_where_they_are(anybody: httpx.AsyncClient) -> None:
    listed = (await anybody.get("/schemas")).json()["items"]
    told = {e.qualified() for e in ALL} | {d.type for d in DOCUMENTS} | {"kehu.Receipt.v1"}
    assert told <= {one["type"] for one in listed}
    for one in listed:
        found = await anybody.get(one["href"])
        assert found.json()["title"] == one["type"]
        assert found.json()["$id"] == one["href"]


async def test_a_schema_is_given_out_as_one_and_not_again_to_whoever_has_it(anybody: httpx.AsyncClient) -> None:
    found = await anybody.get("/schemas/credit.InvoiceIssued.v1")
    assert found.headers["content-type"] == "application/schema+json"
    assert found.json()["$schema"] == DIALECT
    again = await anybody.get("/schemas/credit.InvoiceIssued.v1", headers={"If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", found.headers["etag"])
    other = await anybody.get("/schemas/credit.InvoiceSettled.v1", headers={"If-None-Match": found.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("credit.InvoiceIssued", "credit.InvoiceIssued.v1"),
        ("credit.invoiceissued.v1", "credit.InvoiceIssued.v1"),
        ("credit.InvoiceIssued.v9", "credit.InvoiceIssued.v1"),
        ("Payment", "erp.Payment.v1"),
    ],
)
async def test_a_name_that_is_none_is_answered_with_those_near_it(
    anybody: httpx.AsyncClient, asked: str, meant: str
) -> None:
    problem = (await anybody.get(f"/schemas/{asked}")).json()
    assert (problem["status"], problem["type"]) == (404, "/problems/kehu/unknown-schema")
    assert meant in problem["params"]["near"]
    assert meant in problem["title"]


async def test_the_refusal_is_told_in_chinese_and_invents_nothing(anybody: httpx.AsyncClient) -> None:
    found = await anybody.get("/schemas/zzzzzzzzzzzzzzzz", headers={"Accept-Language": "zh-CN"})
    assert found.json()["title"] == "没有类型 zzzzzzzzzzzzzzzz 的 Schema。相近的有：–。全部见 /schemas"


async def test_the_link_of_an_event_answers_with_a_schema_its_data_is_valid_for(
    running: Any, http: httpx.AsyncClient
) -> None:
    """It led to /events/<type>, where nothing was."""
    await running.open("C1")
    await running.limit("C1", "10.00", "l")
    events = (await http.get("/api/credit/events")).json()["items"]
    assert len(events) == 2
    for event in events:
        schema = await http.get(event["dataschema"])
        assert schema.status_code == 200
        assert schema.json()["title"] == event["type"]
        Draft202012Validator(schema.json(), validate_formats=True).validate(event["data"])


async def test_the_topics_are_described_to_anybody_by_a_page_and_a_file(anybody: httpx.AsyncClient) -> None:
    page, file = await anybody.get("/asyncapi"), await anybody.get("/asyncapi.json")
    assert page.headers["content-type"].startswith("text/html")
    assert file.json()["asyncapi"] == "3.0.0"
    again = await anybody.get("/asyncapi.json", headers={"If-None-Match": file.headers["etag"]})
    assert again.status_code == 304
    for path in ("start.js", "without-eval.js", "page.css", "react-component/default.min.css"):
        assert f"asyncapi/files/{path}" in page.text
        assert (await anybody.get(f"/asyncapi/files/{path}")).status_code == 200


def test_a_receipt_that_tells_everything_and_one_that_tells_nothing_but_the_verdict_are_valid() -> None:
    receipt = Draft202012Validator(dict(catalogue()["kehu.Receipt.v1"].schema))
    receipt.validate(dict(REFUSED))
    receipt.validate({"verdict": "accepted"})
    assert not receipt.is_valid({"verdict": "perhaps"})
