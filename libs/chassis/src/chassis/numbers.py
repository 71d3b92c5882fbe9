"""Numbers of a request as they were written: JSON read without a float in between, at every door."""

import json
from decimal import Decimal
from typing import Any

from fastapi import Depends, Request

from chassis.problems import Defect, Malformed, Problem


def parsed(body: bytes) -> Any:
    """`body` as JSON, numbers with a point as Decimal. Raises the problem of malformed JSON."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise Problem(Malformed(), errors=[Defect(pointer="/body", message=f"not JSON: {reason}")]) from None


def _no_number(text: str) -> Any:
    raise ValueError(text)


async def _exactly(request: Request) -> None:
    """Puts the exact numbers in the place of the floats FastAPI has read.

    It reads a body before dependencies and validates it after them: the very object that `request.json` keeps.
    """
    if not await request.body():
        return
    exact, read = parsed(await request.body()), await request.json()
    if isinstance(read, dict):
        read.update(exact)
    elif isinstance(read, list):
        read[:] = exact


EXACT = Depends(_exactly)
"""For routers whose routes take bodies: money sent as a JSON number keeps every digit."""
