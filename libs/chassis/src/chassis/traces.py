"""Spans through OpenTelemetry. Loaded only where the settings name a collector: it takes a fifth of a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from chassis.settings import Traces
from chassis.version import VERSION
from engine import clock
from engine.tracing import TRACEPARENT, TRACES, Attributes, Kind, Span, Tracer

QUEUE = 10_000
"""Spans that wait to be exported; more are dropped: following must not hold up what is followed."""
PATIENCE = 3.0
"""Seconds a collector may take for a batch, and for the last ones when the process stops."""
KINDS = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
}


@dataclass(frozen=True, slots=True)
class Followed:
    """A span that is going on."""

    span: trace.Span

    @property
    def traceparent(self) -> str:
        """As W3C Trace Context writes it."""
        at = self.span.get_span_context()
        return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"

    def end(self, attributes: Attributes, name: str | None = None) -> None:
        """It is over."""
        if name is not None:
            self.span.update_name(name)
        self.span.set_attributes(attributes)
        self.span.end()


@dataclass(frozen=True, slots=True)
class OpenTelemetry:
    """The tracer of the engine over one of OpenTelemetry."""

    tracer: trace.Tracer

    def begin(self, name: str, parent: str | None, attributes: Attributes, kind: Kind) -> Span:
        """A span for `parent`, or the first one of a new trace where that names none."""
        at = place(parent)
        return Followed(self.tracer.start_span(name, within(at) if at else None, KINDS[kind], attributes))

    def tell(self, name: str, parent: str, seconds: float, attributes: Attributes, kind: Kind) -> None:
        """A span that ends now; none where its trace is not kept."""
        at = place(parent)
        if at is None or not at.trace_flags.sampled:
            return
        end = int(clock.now().timestamp() * 1e9)
        began = end - int(seconds * 1e9)
        self.tracer.start_span(name, within(at), KINDS[kind], attributes, start_time=began).end(end)


def place(parent: str | None) -> trace.SpanContext | None:
    """The span a traceparent names; None where it names none."""
    named = TRACEPARENT.fullmatch(parent or "")
    if named is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in named.groups())
    at = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))
    return at if at.is_valid else None


def within(at: trace.SpanContext) -> Context:
    """The context of what is done for that span."""
    return trace.set_span_in_context(trace.NonRecordingSpan(at))


def tracer_of(provider: TracerProvider) -> Tracer:
    """Spans of ours, kept and exported as `provider` has it."""
    return OpenTelemetry(provider.get_tracer("kehu", VERSION))


def provider_of(given: Traces, name: str) -> TracerProvider:
    """As it is set, with nowhere to export to yet."""
    resource = Resource.create({"service.name": name, "service.version": VERSION})
    return TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(given.ratio)))


@asynccontextmanager
async def following(given: Traces, name: str) -> AsyncIterator[None]:
    """While the block runs what is done is told to the collector that is set; at its end what is left is sent."""
    provider = provider_of(given, given.name or name)
    headers = {key: value.get_secret_value() for key, value in given.headers.items()}
    exporter = OTLPSpanExporter(address(given.endpoint or ""), headers=headers, timeout=PATIENCE)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE))
    TRACES.tracer = tracer_of(provider)
    try:
        yield
    finally:
        TRACES.tracer = None
        await asyncio.to_thread(provider.shutdown)


def address(endpoint: str) -> str:
    """Where spans are posted to: as OTLP has it where the endpoint names no path."""
    return endpoint if urlsplit(endpoint).path.strip("/") else f"{endpoint.rstrip('/')}/v1/traces"
