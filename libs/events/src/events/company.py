"""Facts about the selling company itself: which business day is open, when Kehu went live."""

from datetime import date
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field

from events.base import Event


class DayOpened(Event):
    """The business day is open: "today" for every rule and figure until the next one; it only moves forwards."""

    type: ClassVar[str] = "company.DayOpened"
    day: date
    previous: date | None

    def effective_on(self) -> date:
        return self.day


class WentLive(Event):
    """The initial load is over: from here on recorded times are the database's own, checks apply to every document."""

    type: ClassVar[str] = "company.WentLive"
    day: date
    loaded_documents: Annotated[int, Field(ge=0)]

    def effective_on(self) -> date:
        return self.day


CalendarEvent: TypeAlias = DayOpened | WentLive
"""What happens to a calendar."""

EVENTS = (DayOpened, WentLive)
