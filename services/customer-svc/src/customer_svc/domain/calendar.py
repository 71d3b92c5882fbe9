"""The business date: which day is open. It only moves forwards, and Kehu goes live once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, ClassVar, TypeAlias, assert_never, cast

from pydantic import Field

from engine.decider import Aggregate, Command, Decider, Decision, Facts, Ref, Rejected, States
from events.base import Event, Id
from events.company import CalendarEvent, DayOpened, WentLive

# --- commands -----------------------------------------------------------------------------------------------------


class OpenDay(Command):
    """Make `day` the business date of the company."""

    company: Id
    day: date


class AdvanceDay(Command):
    """Open the day `days` days after `since`, the day open now; naming it keeps a repetition from advancing twice."""

    company: Id
    since: date
    days: Annotated[int, Field(ge=1, le=3660)] = 1


class GoLive(Command):
    """End the initial load of `loaded_documents` documents: checks, holds and notices apply from here on."""

    company: Id
    loaded_documents: Annotated[int, Field(ge=0)] = 0


CalendarCommand: TypeAlias = OpenDay | AdvanceDay | GoLive

# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Calendar:
    """`day` None: no day was ever opened by command, the clock's date counts."""

    day: date | None = None
    live: bool = False


# --- rules --------------------------------------------------------------------------------------------------------


class DayIsPast(Rejected):
    """The business date is {open_day} and only moves forwards; {day} cannot be opened."""

    zh: ClassVar[str] = "营业日期已是 {open_day}，只能向前推进，不能打开 {day}。"


class AnotherDayIsOpen(Rejected):
    """The open day is {open_day}, not {since}: look at the calendar and advance from there."""

    zh: ClassVar[str] = "当前营业日期是 {open_day}，不是 {since}：请查看日历后再推进。"


class AlreadyLive(Rejected):
    """The company {company} went live before; an initial load ends once."""

    zh: ClassVar[str] = "公司 {company} 已正式启用，初始导入只能结束一次。"


RULES = (DayIsPast, AnotherDayIsOpen, AlreadyLive)

# --- decide -------------------------------------------------------------------------------------------------------


def streams(command: CalendarCommand, _: Facts) -> Sequence[Ref[Calendar]]:
    return [CALENDAR(command.company)]


def decide(command: CalendarCommand, states: States, facts: Facts) -> Decision:
    ref = CALENDAR(command.company)
    return [(ref, event) for event in _decide(command, states[ref], facts)]


def _decide(command: CalendarCommand, state: Calendar, facts: Facts) -> Sequence[Event]:
    match command:
        case OpenDay():
            return _open(command.day, state)
        case AdvanceDay():
            return _advance(command, state, facts)
        case GoLive():
            if state.live:
                raise AlreadyLive(company=command.company)
            return [WentLive(day=state.day or facts.today, loaded_documents=command.loaded_documents)]
        case _:
            assert_never(command)


def _open(day: date, state: Calendar) -> Sequence[Event]:
    if state.day is not None and day < state.day:
        raise DayIsPast(open_day=state.day, day=day)
    return [] if day == state.day else [DayOpened(day=day, previous=state.day)]


def _advance(command: AdvanceDay, state: Calendar, facts: Facts) -> Sequence[Event]:
    wanted = command.since + timedelta(days=command.days)
    if state.day == wanted:
        return []
    if (state.day or facts.today) != command.since:
        raise AnotherDayIsOpen(open_day=state.day or facts.today, since=command.since)
    return _open(wanted, state)


# --- evolve -------------------------------------------------------------------------------------------------------


def evolve(state: Calendar, event: Event) -> Calendar:
    match cast(CalendarEvent, event):
        case DayOpened(day=day):
            return replace(state, day=day)
        case WentLive():
            return replace(state, live=True)
        case other:
            assert_never(other)


CALENDAR = Aggregate("calendar", Calendar(), evolve)
DECIDER = Decider(commands=(OpenDay, AdvanceDay, GoLive), streams=streams, decide=decide, rules=RULES)
