"""Rules of the business date."""

from datetime import UTC, date, datetime

from customer_svc.domain.calendar import (
    CALENDAR,
    DECIDER,
    AdvanceDay,
    AlreadyLive,
    AnotherDayIsOpen,
    CalendarCommand,
    DayIsPast,
    GoLive,
    OpenDay,
)
from engine.decider import Actor, Facts
from engine.testing.spec import Outcome, given
from events.base import Event
from events.company import DayOpened, WentLive

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
FACTS = Facts(MONDAY, datetime(2026, 3, 2, 9, tzinfo=UTC), Actor("ops"))
K = CALENDAR("kehu")
OPENED = DayOpened(day=MONDAY, previous=None)


def when(command: CalendarCommand, *events: Event) -> Outcome:
    return given([(K, e) for e in events]).when(command, FACTS, by=DECIDER)


def test_a_day_is_opened_and_names_the_one_before() -> None:
    when(OpenDay(company="kehu", day=MONDAY)).then([(K, OPENED)])
    when(OpenDay(company="kehu", day=TUESDAY), OPENED).then([DayOpened(day=TUESDAY, previous=MONDAY)])


def test_opening_the_open_day_does_nothing() -> None:
    when(OpenDay(company="kehu", day=MONDAY), OPENED).then_nothing()


def test_the_business_date_never_moves_backwards() -> None:
    sunday = date(2026, 3, 1)
    when(OpenDay(company="kehu", day=sunday), OPENED).then_rejected(DayIsPast, open_day=MONDAY, day=sunday)


def test_the_day_is_advanced_from_the_open_day() -> None:
    when(AdvanceDay(company="kehu", since=MONDAY, days=3), OPENED).then(
        [DayOpened(day=date(2026, 3, 5), previous=MONDAY)]
    )


def test_the_first_advance_counts_from_the_date_of_the_clock() -> None:
    when(AdvanceDay(company="kehu", since=MONDAY)).then([DayOpened(day=TUESDAY, previous=None)])


def test_a_repeated_advance_does_not_advance_twice() -> None:
    later = DayOpened(day=TUESDAY, previous=MONDAY)
    when(AdvanceDay(company="kehu", since=MONDAY), OPENED, later).then_nothing()


def test_an_advance_from_a_day_that_is_not_open_is_refused() -> None:
    later = DayOpened(day=date(2026, 3, 9), previous=MONDAY)
    when(AdvanceDay(company="kehu", since=MONDAY), OPENED, later).then_rejected(
        AnotherDayIsOpen, open_day=date(2026, 3, 9), since=MONDAY
    )


def test_the_company_goes_live_on_the_open_day() -> None:
    when(GoLive(company="kehu", loaded_documents=12), OPENED).then([WentLive(day=MONDAY, loaded_documents=12)])
    when(GoLive(company="kehu")).then([WentLive(day=MONDAY, loaded_documents=0)])


def test_the_company_goes_live_once() -> None:
    when(GoLive(company="kehu"), WentLive(day=MONDAY, loaded_documents=12)).then_rejected(AlreadyLive, company="kehu")
