"""Every operation as every role, and as a salesperson who looks after other customers."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import httpx
import pytest

from all_in_one.services import SERVICES
from chassis.access import Access, access
from chassis.auth import ROLES, Role
from chassis.examples import KEY, Example
from chassis.settings import Auth, Company, Grant, Http, Logs, Settings
from engine.testing.plugin import TestServer
from tests.journeys.storytelling import Part, Teller, in_order, parts
from tests.security.serving import Kehu, kehu

PARTS = [part for part in parts() if part.name]
SALES, OTHER_SALES, NOBODY = "dev-sales", "dev-sales-2", "dev-nobody"
THEIRS = re.compile(r"(?<![0-9a-f])9(0\d\d)(?!\d)")
"""Keys of the story end in 90xx; those that end in 80xx are nobody's."""
NAMED = re.compile(r"-9\d\d\d|G-90|沪东机械|Harbour Depot")
"""Keys and names of customers of the story, none of whom dev-sales looks after."""
KEYS = count()
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass
class Walk:
    """The running services once the story of all examples was told, and who told it."""

    kehu: Kehu
    client: httpx.Client
    teller: Teller

    def ask(self, part: Part, example: Example, token: str, *, key: bool = True) -> httpx.Response:
        """As the example says, by somebody else, under a key of its own. A stream is closed at once."""
        method, _, path = example.operation.partition(" ")
        for name, value in example.path.items():
            path = path.replace(f"{{{name}}}", self.teller.known(part, value))
        headers = {"Authorization": f"Bearer {token}", "X-Kehu-Position": self.kehu.position}
        if key:
            headers[KEY] = f"walk-{next(KEYS)}"
        if example.body is not None:
            headers["Content-Type"] = example.media
        body = None if example.body is None else json.dumps(example.body, ensure_ascii=False)
        request = self.client.build_request(
            method, part.prefix + path, params=dict(example.query) or None, headers=headers, content=body
        )
        answer = self.client.send(request, stream=True)
        if not path.endswith("/stream"):
            answer.read()
        answer.close()
        return answer


@pytest.fixture(scope="module")
def walk(postgres_server: TestServer) -> Iterator[Walk]:
    http = Http(port=0, patience=20, heartbeat=0.05, rate="100000/second", failures="100000/second")
    known = Auth(development=True, tokens={NOBODY: Grant(id=NOBODY, roles=frozenset())})
    settings = Settings(auth=known, company=Company(opens_days=False), http=http, logs=Logs(level="error"))
    with kehu(postgres_server, settings) as it, httpx.Client(base_url=it.url, timeout=60) as client:
        teller = Teller(client)
        for part, example in in_order(PARTS):
            if example.at < 900:  # what comes behind takes the story apart again
                teller.tell(part, example)
        it._positions |= teller.positions
        yield Walk(it, client, teller)


@cache
def walked() -> Mapping[str, Sequence[Access]]:
    """Every operation of every service."""
    return {service.name: access(service) for service in SERVICES}


def told() -> Iterator[tuple[Part, Access, Example]]:
    """Every operation with its first example."""
    for part in PARTS:
        for found in walked()[part.name]:
            examples = sorted((e for e in part.examples if e.operation == found.operation), key=lambda e: e.at)
            assert examples, f"{part.name} {found.operation} has no example"
            yield part, found, examples[0]


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_the_page_on_access_says_and_nothing_else(walk: Walk, role: Role) -> None:
    wrong = []
    for part, found, example in told():
        # without a key nothing is changed: who may is told so, who may not is told that
        sent = Example(example.at, role, example.operation, "", None, example.path, example.query)
        status = walk.ask(part, sent, f"dev-{role.replace('_', '-')}", key=False).status_code
        if (status == 403) == (role in found.roles):
            wrong.append(f"{role}: {part.name} {found.operation}: {status}")
    assert wrong == []


def test_the_walk_goes_over_every_operation() -> None:
    operations = {(part.name, found.operation) for part, found, _ in told()}
    assert operations == {(part.name, operation) for part in PARTS for operation in part.operations}
    assert len(operations) > 160


def test_whatever_a_salesperson_may_use_is_narrowed_to_its_own_customers() -> None:
    found = {(name, a.operation) for name, every in walked().items() for a in every if a.rows == "unknown"}
    assert found == set()


def unknown(example: Example) -> Example:
    """The same request about keys nobody has."""
    fields = {name: getattr(example, name) for name in Example.__slots__}
    changed = json.loads(THEIRS.sub(r"8\1", json.dumps([fields["body"], dict(fields["query"])])))
    path = {n: v if not isinstance(v, str) else THEIRS.sub(r"8\1", v) for n, v in example.path.items()}
    return Example(**{**fields, "body": changed[0], "query": changed[1], "path": path})


def shown(answer: httpx.Response) -> tuple[int, Any]:
    """What of an answer does not differ from one time to the next."""
    if "event-stream" in answer.headers["content-type"]:
        return answer.status_code, None
    body = THEIRS.sub(r"8\1", answer.text)
    moving = r'"(correlation|known_at|through|detail_id)":\s*("[^"]*"|\{[^}]*\})'
    return answer.status_code, re.sub(moving, "", re.sub(r"urn:[^\"]*", "", body))


def of_sales() -> Iterator[tuple[Part, Access, Example]]:
    return ((part, found, example) for part, found, example in told() if "sales" in found.roles)


def test_what_another_looks_after_is_answered_as_if_it_were_unknown(walk: Walk) -> None:
    differing, compared = [], 0
    for part, found, example in of_sales():
        if found.operation == "POST /":
            continue  # makes something new: a test of its own
        of_another, of_nobody = walk.ask(part, example, SALES), walk.ask(part, unknown(example), SALES)
        compared += 1
        if shown(of_another) != shown(of_nobody):
            differing.append((part.name, found.operation, shown(of_another), shown(of_nobody)))
    assert differing == []
    assert compared > 60


def test_nothing_that_is_read_names_what_another_looks_after(walk: Walk) -> None:
    naming = []
    for part, found, example in of_sales():
        if found.method == "GET" and not example.operation.endswith("/stream"):
            asked = Example(example.at, "sales", example.operation, "", None, example.path, _open(example.query))
            text = walk.ask(part, asked, SALES).text
            naming += [(part.name, found.operation, text)] if NAMED.search(_answered(text)) else []
    assert naming == []


def _open(query: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in query.items() if name not in ("customer", "q", "owner", "group")}


def _answered(text: str) -> str:
    """Without what a problem repeats of the question."""
    return "" if '"status":' in text and '"type":' in text else text


def test_what_one_looks_after_oneself_is_shown_as_to_everybody_else(walk: Walk) -> None:
    walk.kehu.post("/api/customers/owner", {"customer": "C-9001", "owner": "tom-barker"}, "PUT")
    walk.kehu.get("/api/analytics/balance", customer="C-9001")  # all have heard of it
    differing, compared = [], 0
    for part, found, example in of_sales():
        about = {**example.path, **example.query}
        if found.method == "GET" and "C-9001" in about.values() and not found.path.startswith("/owners"):
            own, all_ = walk.ask(part, example, OTHER_SALES), walk.ask(part, example, "dev-admin")
            compared += 1
            if shown(own) != shown(all_):
                differing.append((part.name, found.operation, shown(own), shown(all_)))
    assert differing == []
    assert compared > 10


def test_a_salesperson_works_with_its_own_customers_and_loses_one_that_is_handed_over(walk: Walk) -> None:
    basics = {
        "name": "Sichuan Tins", "type": "dealer", "currency": "CNY", "phone": "028-1", "tax_id": "91510100MA6C00001X",
        "address": {"street": "1 Tin Road", "city": "Chengdu", "postal_code": "610000", "country": "CN"},
    }  # fmt: skip
    sells = {"Authorization": f"Bearer {SALES}"}

    def ask(method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        key = {KEY: f"walk-{next(KEYS)}"}
        answer = walk.client.request(method, path, json=body, headers={**sells, **key, **headers})
        service, _, position = answer.headers.get("X-Kehu-Position", "").partition(":")
        walk.kehu._positions |= {service: position} if service else {}
        return answer

    born = ask("POST", "/api/customers/", {"customer": "C-7001", "since": "2030-01-07", "basics": basics})
    assert born.is_success, born.text
    line = {"product": "TIN-1", "quantity": "2", "price": "10.00"}
    order = {"order": "O-7001", "customer": "C-7001", "currency": "CNY", "lines": [line], "order_date": "2030-01-07"}
    placed = ask("POST", "/api/customers/orders", order)
    assert placed.is_success, placed.text
    at = {"X-Kehu-Position": walk.kehu.position}
    assert ask("GET", "/api/customers/C-7001", **at).json()["owner"] == "zhao-heng"
    assert [o["order"] for o in ask("GET", "/api/customers/orders", **at).json()["items"]] == ["O-7001"]
    assert ask("GET", "/api/credit/accounts/C-7001", **at).status_code == 200
    away = {"customer": "C-7001", "owner": "tom-barker", "previous": "zhao-heng"}
    assert ask("PUT", "/api/customers/owner", away).is_success
    at = {"X-Kehu-Position": walk.kehu.position}
    assert ask("GET", "/api/customers/C-7001", **at).status_code == 404
    assert ask("GET", "/api/credit/accounts/C-7001", **at).status_code == 404
    assert ask("GET", "/api/customers/orders", **at).json()["items"] == []
    refused = ask("POST", "/api/customers/orders/cancel", {"order": "O-7001", "reason": "no"})
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/kehu/not-yours")
    again = ask("POST", "/api/customers/", {"customer": "C-7001", "since": "2030-01-07", "basics": basics})
    assert (again.status_code, again.json()["type"]) == (404, "/problems/kehu/not-yours")


def given_to_the_other(walk: Walk) -> None:
    """The customer of the story, with every service having heard of it."""
    walk.kehu.post("/api/customers/owner", {"customer": "C-9001", "owner": "tom-barker"}, "PUT")
    for view in ("credit/accounts", "complaints/", "analytics/alerts"):
        walk.kehu.get(f"/api/{view}")


def test_what_a_salesperson_may_change_is_decided_for_its_own_customers(walk: Walk) -> None:
    given_to_the_other(walk)
    givers = {"POST /", "PUT /owner", "PUT /basics"}  # of customers: what they say is whose it becomes
    refused, asked = [], 0
    for part, found, example in of_sales():
        if example.body is not None and not (part.name == "customer" and found.operation in givers):
            answer = walk.ask(part, example, OTHER_SALES)
            asked += 1
            refused += [(part.name, found.operation, answer.text)] if "/not-yours" in answer.text else []
    assert refused == []
    assert asked >= 10


def first_told(walk: Walk, token: str) -> str:
    """What the stream of all alerts tells first: an alert, or that it is still there."""
    headers = {"Authorization": f"Bearer {token}"}
    with walk.client.stream("GET", "/api/analytics/alerts/stream?after=0", headers=headers) as answer:
        return next(line for line in answer.iter_lines() if line.startswith((": ", "data: ")))


def test_a_stream_tells_a_salesperson_of_its_own_customers_alone(walk: Walk) -> None:
    given_to_the_other(walk)
    assert '"customer":"C-9001"' in first_told(walk, OTHER_SALES)
    assert first_told(walk, SALES) == ": still here"


def test_whoever_holds_no_role_of_ours_may_do_nothing_at_all(walk: Walk) -> None:
    let_in = [
        (part.name, found.operation)
        for part, found, example in told()
        if walk.ask(part, example, NOBODY).status_code != 403
    ]
    assert let_in == []
