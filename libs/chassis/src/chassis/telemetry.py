"""Logs as structured records with the correlation of the request; never bodies, never personal data."""

import logging
import sys
import traceback
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from typing import Any
from uuid import UUID

import structlog
from starlette.datastructures import Headers

from chassis.settings import Logs
from engine import ids
from engine.tracing import TRACEPARENT

_SHARED: Sequence[structlog.typing.Processor] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
LOG = structlog.stdlib.get_logger("kehu")


def configure(logs: Logs) -> None:
    """Set up logging of this process, once; records of the standard library take the same form."""
    level = logging.getLevelNamesMapping()[logs.level.upper()]
    handlers = [_written(logging.StreamHandler(sys.stdout), level, logs.format)]
    if logs.file is not None:
        file = RotatingFileHandler(logs.file, "a", logs.file_size, logs.file_count, encoding="utf-8", delay=True)
        handlers.append(_written(file, min(level, logging.INFO), "json"))
    lowest = min(handler.level for handler in handlers)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    logging.basicConfig(level=max(lowest, logging.INFO), handlers=handlers, force=True)
    logging.getLogger("kehu").setLevel(lowest)
    for chatty in ("httpx", "httpcore", "asyncio", "alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _written(handler: logging.Handler, level: int, form: str) -> logging.Handler:
    """`handler` that writes records from `level` on in this form."""
    pretty = form == "pretty"
    renderer = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(ensure_ascii=False)
    handler.setLevel(level)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[_foreign, *_SHARED],
        )
    )
    return handler


def _foreign(_: Any, __: str, told: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A record of the standard library: of an error only its type and place, its message may quote anything."""
    record: logging.LogRecord = told["_record"]
    error = record.exc_info[1] if record.exc_info else None
    more = {"error": type(error).__name__, "at": place(error)} if error else {}
    return {**{k: v for k, v in told.items() if k != "exc_info"}, "logger": record.name, **more}


def correlation(headers: Headers, trace: str | None = None) -> UUID:
    """The correlation of a request: X-Correlation-Id, else the trace it belongs to, else a new one."""
    given = headers.get("x-correlation-id", "")[:200]
    if given:
        return _uuid(given) or ids.named("correlation", given)
    return UUID(trace_id(trace)) if trace else ids.new()


def traceparent(headers: Headers) -> str | None:
    """The W3C trace context that came with a request, None if it is none."""
    given = headers.get("traceparent", "")
    return given if TRACEPARENT.fullmatch(given) else None


def trace_id(trace: str) -> str:
    """The trace that a traceparent names."""
    return trace.split("-")[1]


def place(error: BaseException) -> list[str]:
    """Where an error comes from, frame by frame, without its message: that may quote what must not be logged."""
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)[-12:]]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
