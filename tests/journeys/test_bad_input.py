"""Bad input gets a clear answer, and nothing is lost: every case against the running product."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from all_in_one.services import SERVICES
from chassis.rules import index
from tests.journeys.people import Person, document, money, until
from tests.journeys.running import NO_TLS, Kehu, company

ROOT = Path(__file__).parents[2]
DAY = date(2030, 1, 7).isoformat()
DUE = date(2030, 2, 6).isoformat()
PREFIXES = ("/api/customers", "/api/credit", "/api/complaints", "/api/analytics")
CREDIT, CUSTOMERS = "/api/credit", "/api/customers"
PROBLEM, STRUCTURED = "application/problem+json", "application/cloudevents+json"
NUMBERS = count(1)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad_input")]


@dataclass
class Door:
    """The running product, an ERP that sends documents and a person with all rights."""

    kehu: Kehu
    erp: Person
    boss: Person

    def customer(self, currency: str = "CNY") -> str:
        """A new customer with a limit of 1,000."""
        key = f"C-{next(NUMBERS)}"
        basics = {"name": "沪东机械", "type": "dealer", "currency": currency}
        self.boss.do(f"{CUSTOMERS}/", {"customer": key, "basics": basics})
        until(lambda: self.boss.client.get(f"{CREDIT}/accounts/{key}").status_code == 200)
        return key

    def single(self, prefix: str, body: Any, kind: str = STRUCTURED, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.erp.client.post(f"{prefix}/intake", content=content, headers={"Content-Type": kind, **headers})

    def heads(self) -> list[int]:
        return [self.erp.client.get(f"{p}/events", params={"after": 10**9}).json()["head"] for p in PREFIXES]

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nothing is added to any log while the block runs."""
        self.kehu.settled()
        before = self.heads()
        yield
        assert self.heads() == before

    def refused(self, answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
        """The problem that was answered: of this status and type, and the type tells about itself."""
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM), answer.text
        problem: dict[str, Any] = answer.json()
        assert (problem["type"], problem["status"]) == (f"/problems/{kind}", status)
        told = resolved(self.kehu, problem["type"])
        assert told["status"] == status
        assert "{" not in problem["title"]
        return problem

    def verdict(self, prefix: str, key: str) -> str:
        """The present verdict on a message."""
        items = self.erp.client.get(f"{prefix}/intake/receipts", params={"limit": 1000}).json()["items"]
        [found] = [i["verdict"] for i in items if i["id"] == key]
        return str(found)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with (
        company(tmp_path_factory.mktemp("door")) as kehu,
        Person(kehu, "dev-integration") as erp,
        Person(kehu) as boss,
    ):
        boss.do(f"{CUSTOMERS}/days/open", {"day": DAY})
        boss.do(f"{CUSTOMERS}/days/live", {})
        yield Door(kehu, erp, boss)


def resolved(kehu: Kehu, kind: str) -> dict[str, Any]:
    """What a problem type says of itself: both sentences, and a place and a test that are really there."""
    told: dict[str, Any] = httpx.get(f"{kehu.url}{kind}", timeout=60, verify=NO_TLS).raise_for_status().json()
    assert told["type"] == kind
    assert told["title"]["en"]
    assert re.search(r"[\u4e00-\u9fff]", told["title"]["zh-CN"]), f"{kind} has no Chinese sentence"
    line = (ROOT / told["file"]).read_text().splitlines()[told["line"] - 1]
    name = re.match(r"class (\w+)\(", line)
    assert name, f"{kind}: {told['file']}:{told['line']} is {line!r}"
    assert told["code"].replace("-", "") == name[1].lower()
    file, _, test = told["test"].partition("::")
    assert f"def {test}(" in (ROOT / file).read_text(), f"{kind}: no {told['test']}"
    return told


def payment(customer: str, key: str, amount: str = "10.00", currency: str = "CNY", **more: Any) -> dict[str, Any]:
    data = {"customer": customer, "payment": key, "amount": money(amount, currency), "value_date": DAY, **more}
    return document("Payment", key, **data)


def invoice(customer: str, key: str, amount: str = "100.00", **more: Any) -> dict[str, Any]:
    data = {"customer": customer, "invoice": key, "invoice_date": DAY, "due": DUE, "amount": money(amount), **more}
    return document("Invoice", key, **data)


def order(customer: str, key: str, lines: int = 1) -> dict[str, Any]:
    goods = [{"product": f"P-{n}", "description": "泵" * 200, "quantity": "1", "price": "0.01"} for n in range(lines)]
    return document("Order", key, customer=customer, order=key, order_date=DAY, currency="CNY", lines=goods)


# --- the shape of what comes in -----------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"{", b"", b'{"customer": "C-1"', b"\xff\xfe", b"[" * 100_000], ids=range(5))
def test_malformed_json_is_said_to_be_malformed(door: Door, body: bytes) -> None:
    with door.unchanged():
        for kind in (STRUCTURED, "application/cloudevents-batch+json"):
            door.refused(door.single(CREDIT, body, kind), 422, "kehu/malformed")
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"malformed-{next(NUMBERS)}"}
        answer = door.boss.client.post(f"{CREDIT}/payments", content=body, headers=headers)
        assert door.refused(answer, 422, "kehu/malformed")["errors"]


def test_what_is_no_cloudevent_an_unknown_type_and_an_unknown_version_are_refused_by_name(door: Door) -> None:
    good = payment("C-1", f"PAY-{next(NUMBERS)}")
    with door.unchanged():
        door.refused(door.single(CREDIT, {**good, "specversion": "0.3"}), 422, "kehu/invalid-message")
        door.refused(door.single(CREDIT, {**good, "type": "erp.Telegram.v1"}), 422, "kehu/unknown-type")
        newer = door.refused(door.single(CREDIT, {**good, "type": "erp.Payment.v7"}), 422, "kehu/unknown-version")
        assert newer["params"] == {"type": "erp.Payment.v7", "known": "erp.Payment.v1"}


@pytest.mark.parametrize(("amount", "currency"), [("-5.00", "CNY"), ("0", "CNY"), ("5.001", "CNY"), ("5.5", "JPY")])
def test_amounts_that_are_not_above_zero_or_finer_than_the_currency_are_refused(
    door: Door, amount: str, currency: str
) -> None:
    wrong = payment("C-1", f"PAY-{next(NUMBERS)}", amount, currency)
    with door.unchanged():
        problem = door.refused(door.single(CREDIT, wrong), 422, "kehu/invalid-document")
        assert problem["errors"][0]["pointer"] == "/amount"
        problem = door.refused(door.boss.ask(f"{CREDIT}/payments", wrong["data"]), 422, "kehu/malformed")
        assert problem["errors"][0]["pointer"] == "/body/amount"


def test_every_refused_document_of_a_batch_is_named_and_the_good_ones_are_taken(door: Door) -> None:
    customer = door.customer()
    good, other = f"PAY-{next(NUMBERS)}", f"PAY-{next(NUMBERS)}"
    bad = payment(customer, f"PAY-{next(NUMBERS)}", "-1.00")
    receipts = door.erp.send(CREDIT, payment(customer, good), bad, {"id": "nothing"}, payment(customer, other))
    assert [r["verdict"] for r in receipts] == ["accepted", "rejected", "rejected", "accepted"]
    assert [r["rule"] for r in receipts[1:3]] == ["invalid-document", "invalid-message"]
    for receipt in receipts[1:3]:
        resolved(door.kehu, receipt["type"])
    assert door.verdict(CREDIT, bad["id"]) == "rejected"
    mended = payment(customer, bad["id"], "1.00")
    assert door.erp.send(CREDIT, mended)[0]["verdict"] == "accepted"


# --- how much -----------------------------------------------------------------------------------------------------


def test_a_body_of_more_than_ten_megabytes_is_too_large_announced_or_not(door: Door) -> None:
    body = b'{"customer": "' + b"x" * 10_000_000 + b'"}'
    headers = {"Content-Type": "application/json", "Idempotency-Key": "large"}
    with door.unchanged():
        for content in (body, iter([body[:6_000_000], body[6_000_000:]])):
            answer = door.boss.client.post(f"{CREDIT}/payments", content=content, headers=headers)
            door.refused(answer, 413, "kehu/too-large")
        door.refused(door.single(CREDIT, body), 413, "kehu/too-large")
        door.refused(door.single(CREDIT, body[-2_000_000:]), 413, "kehu/too-large")


def test_a_batch_of_just_under_ten_megabytes_is_taken_document_by_document(door: Door) -> None:
    customer = door.customer()
    batch = [order(customer, f"O-{next(NUMBERS)}", lines=1000) for _ in range(14)]
    assert 9_000_000 < len(orjson.dumps(batch)) < 10_000_000
    assert {r["verdict"] for r in door.erp.send(CUSTOMERS, *batch)} == {"accepted"}
    door.kehu.settled()
    assert door.boss.see("/api/analytics/totals", customer=customer)["orders"] == 14


# --- who ----------------------------------------------------------------------------------------------------------


def test_a_wrong_or_missing_token_is_401_and_a_missing_role_403_that_names_it(door: Door) -> None:
    wrong: list[dict[str, str]] = [{}, {"Authorization": "Bearer dev-nobody"}, {"Authorization": "Basic dev-admin"}]
    with door.unchanged():
        for headers in wrong:
            answer = httpx.get(f"{door.kehu.url}{CREDIT}/accounts", headers=headers, timeout=60, verify=NO_TLS)
            door.refused(answer, 401, "kehu/unauthenticated")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        with Person(door.kehu, "dev-sales") as sales:
            answer = sales.ask(f"{CREDIT}/payments", payment("C-1", "PAY-0")["data"])
            assert "finance" in door.refused(answer, 403, "kehu/missing-role")["params"]["roles"]
            answer = sales.client.post(f"{CREDIT}/intake", json=payment("C-1", "PAY-0"), headers={})
            door.refused(answer, 403, "kehu/missing-role")


def test_a_change_without_an_idempotency_key_is_refused_whatever_it_changes(door: Door) -> None:
    with door.unchanged():
        for path in (f"{CREDIT}/payments", f"{CUSTOMERS}/", "/api/complaints/", f"{CREDIT}/ops/dead-letters/replay"):
            answer = door.boss.client.post(path, json={})
            assert answer.status_code == 422, f"{path}: {answer.text}"
        answer = door.boss.client.post(f"{CREDIT}/payments", json=payment("C-1", "PAY-0")["data"])
        door.refused(answer, 422, "kehu/missing-idempotency-key")


# --- the same again, another one in between -----------------------------------------------------------------------


def test_the_same_id_again_is_a_duplicate_and_with_another_body_a_conflict_while_the_first_stands(door: Door) -> None:
    customer, key = door.customer(), f"PAY-{next(NUMBERS)}"
    first = door.single(CREDIT, payment(customer, key))
    assert (first.status_code, first.json()["verdict"]) == (202, "accepted")
    door.kehu.settled()
    with door.unchanged():
        again = door.single(CREDIT, payment(customer, key))
        assert (again.status_code, again.json()["verdict"]) == (200, "duplicate")
        door.refused(door.single(CREDIT, payment(customer, key, "11.00")), 409, "kehu/other-body")
    assert door.boss.see(f"{CREDIT}/payments/{key}")["amount"] == "10.00"
    assert door.verdict(CREDIT, key) == "accepted"


def test_the_same_idempotency_key_again_is_the_same_answer_and_for_something_else_refused(door: Door) -> None:
    body = payment(door.customer(), f"PAY-{next(NUMBERS)}")["data"]
    first = door.boss.ask(f"{CREDIT}/payments", body, **{"Idempotency-Key": "twice"})
    with door.unchanged():
        again = door.boss.ask(f"{CREDIT}/payments", body, **{"Idempotency-Key": "twice"})
        assert again.headers["Idempotent-Replay"] == "true"
        assert again.json() == {**first.json(), "repeated": True}
        other = door.boss.ask(f"{CREDIT}/payments", {**body, "payment": "PAY-X"}, **{"Idempotency-Key": "twice"})
        door.refused(other, 422, "kehu/key-reused")


def test_a_change_decided_upon_what_has_changed_since_is_a_version_conflict(door: Door) -> None:
    customer = door.customer()
    owner = {"customer": customer, "owner": "zhao"}
    door.boss.do(f"{CUSTOMERS}/owner", owner, "PUT", **{"If-Match": '"1"'})
    with door.unchanged():
        late = door.boss.ask(f"{CUSTOMERS}/owner", {**owner, "owner": "li"}, "PUT", **{"If-Match": '"1"'})
        door.refused(late, 412, "kehu/version-conflict")
    assert door.boss.see(f"{CUSTOMERS}/{customer}")["owner"] == "zhao"


# --- money --------------------------------------------------------------------------------------------------------


def test_another_currency_without_a_rate_is_refused_and_with_one_taken(door: Door) -> None:
    customer, key = door.customer(), f"PAY-{next(NUMBERS)}"
    dollars = payment(customer, key, "10.00", "USD")
    with door.unchanged():
        door.refused(door.single(CREDIT, dollars), 409, "credit/currency-without-rate")
        door.refused(door.boss.ask(f"{CREDIT}/payments", dollars["data"]), 409, "credit/currency-without-rate")
    assert door.single(CREDIT, payment(customer, key, "10.00", "USD", rate="7.1")).json()["verdict"] == "accepted"
    door.kehu.settled()
    assert Decimal(door.boss.see(f"{CREDIT}/accounts/{customer}")["unallocated_cash"]) == 71


def test_more_than_is_open_cannot_be_allocated(door: Door) -> None:
    customer, cash, bill = door.customer(), f"PAY-{next(NUMBERS)}", f"I-{next(NUMBERS)}"
    door.boss.do(f"{CREDIT}/payments", payment(customer, cash, "500.00", names=["I-ELSEWHERE"])["data"])
    door.boss.do(f"{CREDIT}/invoices", invoice(customer, bill)["data"])
    share = {"invoice": bill, "amount": money("100.01")}
    asked = {"customer": customer, "kind": "payment", "document": cash, "shares": [share]}
    with door.unchanged():
        problem = door.refused(door.boss.ask(f"{CREDIT}/allocations", asked), 409, "credit/over-allocation")
        assert "100.00" in problem["title"]
    assert door.boss.see(f"{CREDIT}/invoices/{bill}")["open"] == "100.00"


def test_a_payment_for_an_unknown_invoice_is_kept_as_unallocated_cash_until_the_invoice_comes(door: Door) -> None:
    customer, cash, bill = door.customer(), f"PAY-{next(NUMBERS)}", f"I-{next(NUMBERS)}"
    door.erp.send(CREDIT, payment(customer, cash, "120.00", names=[bill]))
    door.kehu.settled()
    assert door.boss.see("/api/analytics/balance", customer=customer)["outstanding"] == "-120.00"
    assert door.boss.see(f"{CREDIT}/payments/{cash}")["unallocated"] == "120.00"
    door.erp.send(CREDIT, invoice(customer, bill))
    door.kehu.settled()
    assert Decimal(door.boss.see(f"{CREDIT}/invoices/{bill}")["open"]) == 0
    assert door.boss.see(f"{CREDIT}/payments/{cash}")["unallocated"] == "20.00"
    assert door.boss.see("/api/analytics/balance", customer=customer)["outstanding"] == "-20.00"


# --- too early ----------------------------------------------------------------------------------------------------


def test_documents_in_the_wrong_order_wait_for_what_they_refer_to_and_are_accepted_then(door: Door) -> None:
    customer, placed, gone = f"C-{next(NUMBERS)}", f"O-{next(NUMBERS)}", f"D-{next(NUMBERS)}"
    bill, note = f"I-{next(NUMBERS)}", f"N-{next(NUMBERS)}"
    delivery = {"customer": customer, "order": placed, "delivery": gone, "delivered_on": DAY}
    credit: dict[str, Any] = {"customer": customer, "credit_note": note, "invoice": bill, "amount": money("1.00")}
    with door.unchanged():
        receipts = door.erp.send(CUSTOMERS, document("Delivery", gone, **delivery), order(customer, placed))
        receipts += door.erp.send(
            CREDIT,
            document("CreditNote", note, **credit, issued_on=DAY, reason="damaged"),
            invoice(customer, bill, order=placed),
        )
        assert [r["verdict"] for r in receipts] == ["waiting"] * 4
        for receipt in receipts:
            resolved(door.kehu, receipt["type"])
    basics = {"name": "沪东机械", "type": "dealer", "currency": "CNY"}
    door.erp.send(CUSTOMERS, document("Customer", customer, customer=customer, basics=basics))
    for prefix, key in ((CUSTOMERS, placed), (CUSTOMERS, gone), (CREDIT, bill), (CREDIT, note)):
        until(lambda p=prefix, k=key: door.verdict(p, k) == "accepted")  # type: ignore[misc]
    door.kehu.settled()
    assert door.boss.see(f"{CUSTOMERS}/orders/{placed}")["state"] == "delivered"
    assert door.boss.see(f"{CREDIT}/invoices/{bill}")["open"] == "99.00"


# --- all of it ----------------------------------------------------------------------------------------------------


def test_every_problem_type_resolves_to_its_sentences_its_place_and_its_test(door: Door) -> None:
    known = {rule.type for rule in index(SERVICES)}
    told = [door.erp.client.get(f"{prefix}/openapi.json").raise_for_status().text for prefix in ("", *PREFIXES)]
    examples = {m for text in told for m in re.findall(r"/problems/[a-z]+/[a-z-]+", text)}
    assert len(known) > 60
    assert examples
    assert examples <= known
    for kind in sorted(known):
        resolved(door.kehu, kind)
    unknown = httpx.get(f"{door.kehu.url}/problems/credit/never-heard-of", timeout=60, verify=NO_TLS)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/kehu/unknown-path")


def test_what_was_accepted_is_still_there_after_a_restart_and_nothing_was_parked(door: Door) -> None:
    health = door.kehu.settled()
    assert not [c for s in health["services"].values() for c in s["consumers"].values() if c["parked"]]
    before, heads = receipts(door), door.heads()
    door.kehu.stop()
    door.kehu.start()
    assert receipts(door) == before
    assert door.heads() == heads
    assert {r["verdict"] for r in before} == {"accepted", "rejected"}


def receipts(door: Door) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for prefix in (CREDIT, CUSTOMERS):
        found += door.erp.client.get(f"{prefix}/intake/receipts", params={"limit": 1000}).json()["items"]
    return found


def test_a_month_is_made_for_the_demo_company_only(door: Door) -> None:
    with door.unchanged():
        refused = door.kehu.run("demo", "next-month", "--url", door.kehu.url)
    assert refused.returncode == 1
    assert "this is not the demo company" in refused.stderr
    assert json.loads(door.kehu.run("demo", "status", "--json", "--url", door.kehu.url).stdout)["demo"] is False
