"""Logs as structured records with the correlation of the request; never bodies, never personal data."""

import logging
import re
import traceback
from uuid import UUID

import structlog
from starlette.datastructures import Headers

from chassis.settings import Logs
from engine import ids

LOG = structlog.stdlib.get_logger("kehu")
_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")


def configure(logs: Logs) -> None:
    """Set up logging of this process, once; records of the standard library take the same form."""
    level = logging.getLevelNamesMapping()[logs.level.upper()]
    renderer = structlog.dev.ConsoleRenderer() if logs.format == "pretty" else structlog.processors.JSONRenderer()
    steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        renderer,
    ]
    structlog.configure(processors=steps, wrapper_class=structlog.make_filtering_bound_logger(level))
    handler = _Forward()
    handler.setLevel(max(level, logging.INFO))
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "asyncio", "alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Forward(logging.Handler):
    """Hands records of the standard library on; of an error only its type and place, its message may quote anything."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        more = {"error": type(error).__name__, "at": place(error)} if error else {}
        LOG.log(record.levelno, record.getMessage(), logger=record.name, **more)


def correlation(headers: Headers) -> UUID:
    """The correlation of a request: X-Correlation-Id, else the trace it belongs to, else a new one."""
    given = headers.get("x-correlation-id", "")[:200]
    if given:
        return _uuid(given) or ids.named("correlation", given)
    traced = _TRACEPARENT.match(headers.get("traceparent", ""))
    return UUID(traced[1]) if traced else ids.new()


def traceparent(headers: Headers) -> str | None:
    """The W3C trace context that came with a request, None if it is none."""
    given = headers.get("traceparent", "")
    return given if _TRACEPARENT.match(given) else None


def place(error: BaseException) -> list[str]:
    """Where an error comes from, frame by frame, without its message: that may quote what must not be logged."""
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)[-12:]]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
