"""What tests of metrics and traces share: figures as Prometheus reads them, spans once they are over."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest
from chassis_world import SERVICE, Running, SetLimit
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from chassis.settings import Traces
from chassis.traces import provider_of, tracer_of
from engine.reaction import Reaction
from engine.tracing import TRACES
from events.base import NonNegativeMoney
from events.credit import AccountOpened
from events.envelope import Envelope

LABELS = ("service", "group", "view", "worker", "outcome", "verdict", "topic", "route", "method", "status", "le")


async def scraped(http: httpx.AsyncClient, **headers: str) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels, in the order of LABELS."""
    answer = await http.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    samples = [sample for family in families for sample in family.samples]
    return {(s.name, *(s.labels[name] for name in LABELS if name in s.labels)): s.value for s in samples}


TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


def welcome(event: Envelope[AccountOpened]) -> list[SetLimit]:
    return [SetLimit(customer=event.event.customer, limit=NonNegativeMoney(amount=Decimal(100), currency="CNY"))]


REACTING = replace(SERVICE, reactions=(Reaction("welcome", (AccountOpened,), welcome),))


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What was told, once it is over."""
    exporter, provider = InMemorySpanExporter(), provider_of(Traces(), "kehu-credit")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    TRACES.tracer = tracer_of(provider)
    yield exporter
    TRACES.tracer = None


def told(exporter: InMemorySpanExporter, trace: str = TRACE) -> dict[str, ReadableSpan]:
    """The spans of a trace by their names; of several of one name the last."""
    return {s.name: s for s in exporter.get_finished_spans() if f"{s.context.trace_id:032x}" == trace}


def parent(span: ReadableSpan) -> str | None:
    return f"{span.parent.span_id:016x}" if span.parent else None


def own(span: ReadableSpan) -> str:
    return f"{span.context.span_id:016x}"


async def opened(running: Running, customer: str, **headers: str) -> int:
    body, headers = {"customer": customer, "currency": "CNY"}, {"Idempotency-Key": customer, **headers}
    answer = await running.http.post("/api/credit/accounts", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["position"])
