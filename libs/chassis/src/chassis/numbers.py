"""The JSON of a request as it was written: numbers without a float in between, texts that can be kept."""

import json
import re
from decimal import Decimal
from typing import Any

from fastapi import Depends, Request

from chassis.problems import Defect, Malformed, Problem

NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""As it stands in JSON. No database keeps it in a text."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parsed(body: bytes) -> Any:
    """`body` as JSON, numbers with a point as Decimal. Raises the problem of malformed JSON."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise Problem(Malformed(), errors=[Defect(pointer="/body", message=f"not JSON: {reason}")]) from None


def keepable(body: bytes, read: Any) -> bool:
    """Whether every text of `body`, parsed as `read`, can be kept: no NUL, no half of a surrogate pair."""
    if NUL.search(body):
        return False
    try:
        return not _SURROGATE.search(body) or bool(json.dumps(read, ensure_ascii=False, default=str).encode())
    except UnicodeEncodeError:
        return False


def _no_number(text: str) -> Any:
    raise ValueError(text)


async def _exactly(request: Request) -> None:
    """Puts the exact numbers in the place of the floats FastAPI has read.

    It reads a body before dependencies and validates it after them: the very object that `request.json` keeps.
    """
    if not await request.body():
        return
    exact, read = parsed(await request.body()), await request.json()
    if not keepable(await request.body(), exact):
        place = Defect(pointer="/body", message="a text holds NUL or half a character, which cannot be kept")
        raise Problem(Malformed(), errors=[place])
    if isinstance(read, dict):
        read.update(exact)
    elif isinstance(read, list):
        read[:] = exact


EXACT = Depends(_exactly)
"""For routers whose routes take bodies: money sent as a JSON number keeps every digit."""
