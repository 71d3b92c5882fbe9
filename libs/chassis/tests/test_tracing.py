"""One trace follows a request to the last view that shows what it led to."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import orjson
import pytest
import structlog
from chassis_world import Running, run
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr
from watching import CALLER, PARENT, REACTING, TRACE, opened, own, parent, told

from chassis.settings import Settings, Traces
from chassis.traces import address, place
from engine.topics import Message
from engine.tracing import MOST, TRACES

Start = Callable[[Settings], AbstractAsyncContextManager[Running]]


async def test_one_trace_leads_from_the_request_over_its_events_to_views_and_to_what_is_decided_next(
    settings: Settings, url: str, spans: InMemorySpanExporter, eventually: Callable[..., Any]
) -> None:
    chain = {
        "POST /api/credit/accounts", "decide OpenAccount", "append", "fold view:accounts", "react welcome",
        "decide SetLimit",
    }  # fmt: skip
    async with run(REACTING, settings, url) as running:
        await opened(running, "C-1", **CALLER)

        async def followed() -> bool:
            return chain <= set(told(spans))

        await eventually(followed)
    found = told(spans)
    request, command = found["POST /api/credit/accounts"], found["decide OpenAccount"]
    assert (parent(request), parent(command)) == (PARENT, own(request))
    assert parent(found["fold view:accounts"]) == own(command)
    assert parent(found["react welcome"]) == own(command)
    assert parent(found["decide SetLimit"]) == own(found["react welcome"])
    assert parent(found["append"]) == own(found["decide SetLimit"])
    assert dict(command.attributes or {}) == {
        "kehu.command": "OpenAccount", "kehu.service": "chassis_world", "kehu.outcome": "accepted",
    }  # fmt: skip
    assert dict(request.attributes or {}) == {
        "kehu.service": "credit", "http.request.method": "POST", "http.route": "/api/credit/accounts",
        "http.response.status_code": 201,
    }  # fmt: skip


async def test_nothing_told_says_what_was_asked_for_or_about_whom(
    running: Running, spans: InMemorySpanExporter, eventually: Callable[..., Any]
) -> None:
    await opened(running, "C-SECRET")
    await running.http.get("/api/credit/accounts/C-SECRET?at_least=1")
    await running.http.get("/api/credit/C-SECRET")
    await running.http.get("/api/credit/broken")

    async def folded() -> bool:
        return any(span.name == "fold view:accounts" for span in spans.get_finished_spans())

    await eventually(folded)
    text = "".join(str(span.to_json()) for span in spans.get_finished_spans())
    assert "decide OpenAccount" in text
    assert "SECRET" not in text
    assert "the secret of" not in text


async def test_a_refusal_names_its_rule_and_a_repetition_is_told_as_one(
    running: Running, spans: InMemorySpanExporter
) -> None:
    await opened(running, "C-1")
    await running.open("C-1", "again")
    await running.open("C-1")
    decided = [s.attributes or {} for s in spans.get_finished_spans() if s.name == "decide OpenAccount"]
    outcomes = [(a["kehu.outcome"], a.get("kehu.rule")) for a in decided]
    assert outcomes == [("accepted", None), ("rejected", "already-open"), ("repeated", None)]


async def test_what_is_stored_names_the_span_of_its_command_and_the_log_its_trace(
    running: Running, spans: InMemorySpanExporter
) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as records:
        await opened(running, "C-1", **CALLER)
    (event,) = await running.runtime.store.read_stream("account-C-1")
    assert event.traceparent == f"00-{TRACE}-{own(told(spans)['decide OpenAccount'])}-01"
    assert [r["trace_id"] for r in records if r["event"] == "request"] == [TRACE]
    assert str(event.correlation).replace("-", "") == TRACE


async def test_a_document_is_taken_in_within_the_trace_it_names(running: Running, spans: InMemorySpanExporter) -> None:
    limit = {"amount": "100", "currency": "CNY"}
    data = {"customer": "C-1", "limit": limit, "valid_from": "2026-01-01"}
    document = {"specversion": "1.0", "source": "erp", "id": "1", "type": "erp.CreditTerms.v1", "data": data}
    headers = {"Content-Type": "application/cloudevents+json", **CALLER}
    await opened(running, "C-1")
    await running.http.post("/api/credit/intake", json=document, headers=headers)
    found = told(spans)
    taken = found["take in"]
    assert dict(taken.attributes or {}) == {"kehu.document": "erp.CreditTerms.v1", "kehu.verdict": "accepted"}
    assert parent(taken) == own(found["POST /api/credit/intake"])
    assert parent(found["decide TakeTerms"]) == own(taken)


async def test_a_record_of_the_erp_is_taken_in_within_the_trace_its_header_names(
    running: Running, spans: InMemorySpanExporter, eventually: Callable[..., Any]
) -> None:
    data = {"customer": "C-1", "limit": {"amount": "100", "currency": "CNY"}, "valid_from": "2026-01-01"}
    said = {"content-type": "application/json", "ce_specversion": "1.0", "ce_source": "erp", "ce_id": "1",
            "ce_type": "erp.CreditTerms.v1", **CALLER}  # fmt: skip
    headers = tuple((name, value.encode()) for name, value in said.items())
    await opened(running, "C-1")
    await running.runtime.topics.publish("erp.finance.v1", [Message(b"C-1", orjson.dumps(data), headers)])

    async def decided() -> bool:
        return {"decide TakeTerms", "take in"} <= set(told(spans))  # the inner one is over first

    await eventually(decided)
    found = told(spans)
    assert parent(found["take in"]) == PARENT
    assert (found["take in"].attributes or {})["messaging.destination.name"] == "erp.finance.v1"
    assert parent(found["decide TakeTerms"]) == own(found["take in"])


async def test_a_large_batch_is_told_in_some_of_its_traces(spans: InMemorySpanExporter) -> None:
    parents = [f"00-{n:032x}-{PARENT}-01" for n in range(1, 500)]
    TRACES.tell("fold", [None, *parents, *parents], 0.5, {"kehu.events": 999})
    finished = spans.get_finished_spans()
    assert len(finished) == MOST
    assert len({span.context.trace_id for span in finished}) == MOST
    (took,) = {span.end_time - span.start_time for span in finished if span.end_time and span.start_time}
    assert took == 500_000_000


async def test_a_trace_that_is_not_kept_by_its_caller_is_not_kept_here(
    running: Running, spans: InMemorySpanExporter
) -> None:
    await opened(running, "C-1", traceparent=f"00-{TRACE}-{PARENT}-00")
    (event,) = await running.runtime.store.read_stream("account-C-1")
    assert event.traceparent is not None
    assert event.traceparent.startswith(f"00-{TRACE}-")
    assert event.traceparent.endswith("-00")
    assert told(spans) == {}


@pytest.mark.parametrize("wrong", ["", "x", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", "00-1-2-3"])
def test_what_names_no_trace_begins_one_and_is_told_in_none(wrong: str, spans: InMemorySpanExporter) -> None:
    assert place(wrong) is None
    TRACES.tell("fold", [wrong], 0.1, {})
    begun = TRACES.begin("request", wrong, {})
    assert begun is not None
    begun.end({})
    (span,) = spans.get_finished_spans()
    assert (span.name, span.parent) == ("request", None)


def test_spans_are_posted_where_otlp_has_it_unless_the_endpoint_names_a_path() -> None:
    assert address("http://collector:4318") == address("http://collector:4318/") == "http://collector:4318/v1/traces"
    assert address("https://elsewhere/otlp/x") == "https://elsewhere/otlp/x"


@pytest.mark.slow
def test_who_follows_nothing_loads_nothing_for_it() -> None:
    asked = "import sys, chassis.process; print([m for m in sys.modules if m == 'chassis.traces' or '.sdk.trace' in m])"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "[]\n"


class Collector(HTTPServer):
    """Takes spans as a collector does, and keeps them."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str | None, ExportTraceServiceRequest]] = []
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                said = ExportTraceServiceRequest.FromString(body)
                taken.append((self.path, self.headers["authorization"], said))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return None

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.mark.slow
async def test_a_collector_that_is_set_is_told_all_of_it_at_the_latest_when_we_stop(
    settings: Settings, start: Start
) -> None:
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    traces = Traces(endpoint=endpoint, headers={"Authorization": SecretStr("Basic a2VodQ==")})
    async with start(settings.model_copy(update={"traces": traces})) as running:
        await opened(running, "C-1", **CALLER)
    await asyncio.to_thread(collector.shutdown)
    thread.join()
    collector.server_close()
    assert TRACES.tracer is None
    assert {(path, authorization) for path, authorization, _ in collector.taken} == {("/v1/traces", "Basic a2VodQ==")}
    resources = [r for _, _, said in collector.taken for r in said.resource_spans]
    names = {a.value.string_value for r in resources for a in r.resource.attributes if a.key == "service.name"}
    spans = [s for r in resources for scope in r.scope_spans for s in scope.spans]
    assert names == {"kehu-credit"}
    ours = {s.name for s in spans if s.trace_id.hex() == TRACE}
    assert {"POST /api/credit/accounts", "decide OpenAccount", "append"} <= ours
