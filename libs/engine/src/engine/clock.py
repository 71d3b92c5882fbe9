"""The only source of the present: everything else is given times, so that decisions and folds can be repeated."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present instant, in UTC. For notes and deadlines: recorded times come from the database."""
    return datetime.now(UTC)


def today(tz: str) -> date:
    """The calendar date at this moment in the time zone `tz` (IANA name). Raises ZoneInfoNotFoundError."""
    return datetime.now(ZoneInfo(tz)).date()
