"""Sending to an intake that has its moods: a small server of our own answers as the real one does."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tenacity import wait_none

from all_in_one import importing, spool
from all_in_one.importing import ImportStopped, Intake, Outcome, send
from all_in_one.mapping import Drafted

TYPES = {"erp.Customer.v1": "/customers", "erp.Invoice.v1": "/credit"}


@dataclass
class Door:
    """Takes batches; `mood` says how a document is answered, `busy` how often the next batches are turned away."""

    mood: Callable[[str], str] = lambda _: "accepted"
    busy: int = 0
    status: int = 503
    taken: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    kept: list[dict[str, Any]] = field(default_factory=list)

    async def intake(self, request: Request) -> Response:
        if self.busy:
            self.busy -= 1
            return JSONResponse({"title": "later"}, self.status)
        documents = orjson.loads(await request.body())
        self.taken[request.url.path].append(documents)
        found = [self._receipt(d["id"]) for d in documents]
        self.kept += found
        return JSONResponse({"items": found})

    def _receipt(self, key: str) -> dict[str, Any]:
        verdict = self.mood(key)
        return {"id": key, "verdict": verdict, "rule": "a-rule", "sentence": "It may not be.", "errors": []}

    async def receipts(self, request: Request) -> Response:
        after = int(request.query_params["after"])
        items = [{**r, "verdict": "accepted"} for r in self.kept[after : after + 1000]]
        return JSONResponse({"items": items, "next": after + len(items)})

    async def ready(self, _: Request) -> Response:
        return JSONResponse({"services": {}})

    @property
    def app(self) -> Starlette:
        doors = [
            (f"{p}/{what}", how)
            for p in TYPES.values()
            for what, how in (("intake", self.intake), ("intake/receipts", self.receipts))
        ]
        routes = [Route(path, how, methods=["GET", "POST"]) for path, how in doors]
        return Starlette(routes=[*routes, Route("/health/ready", self.ready)])


async def sent(door: Door, *drafts: Drafted, initial_load: bool = True) -> tuple[Outcome, int]:
    counted = 0

    def progress(n: int) -> None:
        nonlocal counted
        counted += n

    async with httpx.AsyncClient(transport=httpx.ASGITransport(door.app), base_url="http://kehu") as client:
        intake = Intake(client, TYPES, "//shop", ZoneInfo("Asia/Shanghai"), initial_load)
        outcome = await send(intake, drafts, progress)
    return outcome, counted


def draft(n: int, kind: str = "Invoice", problem: str | None = None) -> Drafted:
    day = date(2024, 3, 1) + timedelta(n)
    return Drafted("f.csv", n, f"erp.{kind}.v1", str(n), day, {"customer": f"C{n % 7}"}, problem)


async def test_every_document_is_accounted_for_whatever_is_answered() -> None:
    moods = {"1": "duplicate", "2": "rejected", "3": "waiting"}
    outcome, counted = await sent(
        Door(lambda key: moods.get(key, "accepted")), *map(draft, range(6)), draft(7, problem="x")
    )
    assert (outcome.accepted, outcome.duplicate, outcome.waiting, outcome.refused) == (4, 1, 0, 2)
    assert outcome.documents == counted == 7
    assert [(r.document, r.sentence) for r in outcome.refusals.first] == [
        ("7", "x"), ("2", "It may not be."),
    ]  # fmt: skip


async def test_a_batch_that_was_turned_away_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PAUSE", wait_none())
    for status in importing.BUSY:
        outcome, _ = await sent(Door(busy=1, status=status), draft(1))
        assert outcome.accepted == 1


async def test_an_intake_that_stays_busy_or_refuses_the_batch_stops_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PATIENCE", 0.2)
    monkeypatch.setattr(importing, "PAUSE", wait_none())
    with pytest.raises(ImportStopped, match=r"/credit/intake answered 503 .*later"):
        await sent(Door(busy=10**9), draft(1))
    with pytest.raises(ImportStopped, match=r"/credit/intake answered 403: .*later"):
        await sent(Door(busy=1, status=403), draft(1))


async def test_services_are_sent_to_in_turn_and_documents_of_a_customer_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spool, "AT_ONCE", 5)
    door = Door()
    await sent(door, *(draft(n) for n in reversed(range(60))), draft(99, "Customer"))
    assert list(door.taken) == ["/customers/intake", "/credit/intake"]
    batches = door.taken["/credit/intake"]
    assert max(map(len, batches)) == 5
    in_order: dict[str, list[int]] = defaultdict(list)
    for document in (d for batch in batches for d in batch):
        in_order[document["data"]["customer"]].append(int(document["id"]))
    assert all(numbers == sorted(numbers, reverse=True) for numbers in in_order.values())
    assert sum(map(len, in_order.values())) == 60


async def test_an_initial_load_asserts_when_a_document_was_known_and_another_does_not() -> None:
    for initial, recorded in ((True, "2024-03-02T00:00:00+08:00"), (False, None)):
        door = Door()
        await sent(door, draft(1), initial_load=initial)
        ((document,),) = door.taken["/credit/intake"]
        assert (document["time"], document.get("recordedtime")) == ("2024-03-02T00:00:00+08:00", recorded)
