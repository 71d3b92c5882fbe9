"""What may stand in the query and the headers of a request, as types that state their bounds in OpenAPI, too."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, WithJsonSchema

from events.base import LARGEST, written

_ONE = r"\s*([a-z]+:)?\d{1,15}\s*"

Position = Annotated[int, Field(ge=0, le=LARGEST)]
"""A position in a log, or the number of a receipt or of a letter."""
Positions = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^({_ONE}(,{_ONE})*)?$"})]
"""Positions by service: ``4711``, or ``credit:4711, customer:12``."""
Version = Annotated[str, WithJsonSchema({"type": "string", "pattern": r'^\s*(\*|(W/)?"?\d{1,15}"?)\s*$'})]
"""The ETag of what was seen, or ``*``."""
Seen = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"^\d{1,15}$"})]
"""The position of the last event seen."""
Day = Annotated[date, BeforeValidator(written)]
"""A business date: ``2026-03-01``. A number is refused: it would be taken for seconds since 1970."""
Instant = Annotated[AwareDatetime, BeforeValidator(written)]
"""A moment with its time zone: ``2026-03-01T08:00:00Z``."""
