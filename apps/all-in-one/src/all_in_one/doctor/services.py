"""The running services: what their health, workers, views and calendars say."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from all_in_one.doctor.finding import Finding, ok
from chassis.version import VERSION

LATE = 60.0
STUCK = timedelta(days=1)


def stores(name: str, health: Any) -> Iterator[Finding]:
    """A service's store, workers, consumers and timers, from /health/ready."""
    for role in health.get("silent", []):
        what = f"{name}: its {role} process does not answer"
        yield Finding("process", "wrong", what, f"its log says why it ended; start it again: {name}_svc {role}")
    if health["store"] != "up" and "api" not in health.get("silent", []):
        yield Finding("store", "wrong", f"{name}: its database does not answer", "see PostgreSQL above, and kehu.log")
    for consumer, lag in health["consumers"].items():
        if lag["parked"]:
            what = f"{name}: {lag['parked']} customers are parked in {consumer}"
            yield Finding("dead letters", "wrong", what, "kehu deadletters ls, mend the cause, kehu deadletters replay")
        if lag["seconds"] > LATE:
            what = f"{name}: {consumer} lies {lag['events']} events and {lag['seconds']:.0f} s behind"
            yield Finding("lag", "wrong", what, "kehu lag --watch: does it get less? If not, see kehu.log")
    if health["broken_timers"]:
        what = f"{name}: {health['broken_timers']} due commands broke five times"
        yield Finding("timers", "wrong", what, f"GET <{name}>/ops/timers says why; then POST .../ops/timers/replay")


def workers(name: str, found: Any) -> Iterator[Finding]:
    """Workers that have given up, from /ops/workers."""
    for worker in found:
        if worker["state"] == "halted":
            what = f"{name}: {worker['name']} has halted: {worker['error']}"
            help_ = f"mend the cause, then POST <{name}>/ops/workers/{worker['name']}/restart, or restart Kehu"
            yield Finding("workers", "wrong", what, help_)
        elif worker["state"] == "waiting":
            what = f"{name}: {worker['name']} fails and is tried again ({worker['restarts']} times): {worker['error']}"
            yield Finding("workers", "wrong", what, "see kehu.log")


def elsewhere(name: str, halted: Any, found: Any) -> Iterator[Finding]:
    """Workers that have given up in a process of their own: what answers knows their names alone."""
    for worker in sorted({*halted} - {one["name"] for one in found if one["state"] != "elsewhere"}):
        help_ = f"its log says why; mend the cause, then POST <{name}>/ops/workers/{worker}/restart"
        yield Finding("workers", "wrong", f"{name}: {worker} has halted in its worker process", help_)


def store(name: str, found: Any, now: datetime) -> Iterator[Finding]:
    """Waiting documents and versions, from /ops/store."""
    since = found["waiting_since"] and datetime.fromisoformat(found["waiting_since"])
    if since and now - since > STUCK:
        what = f"{name}: {found['waiting']} documents wait for what they refer to, the longest since {since:%Y-%m-%d}"
        help_ = f"GET <{name}>/intake/receipts says for what; have it sent: they are rejected after three days"
        yield Finding("intake", "wrong", what, help_)
    if found["version"] != VERSION:
        what = f"{name} is Kehu {found['version']}, this command {VERSION}"
        yield Finding("version", "wrong", what, "run both from the same clone; restart Kehu after an update")


def views(name: str, found: Any) -> Iterator[Finding]:
    """Views that another version of their fold filled, from /ops/views."""
    for view in found:
        if view["live"] != view["version"] and view["building"] is None:
            what = f"{name}: the table of {view['name']} is of version {view['live']}, this Kehu's is {view['version']}"
            yield Finding("views", "wrong", what, f"kehu rebuild {name}/{view['name']}")


def day(found: Any, calendar: date, *, opens_days: bool) -> Finding:
    """Whether the business day goes with the calendar."""
    today = date.fromisoformat(found["today"])
    if not found["opened"]:
        return Finding("day", "wrong", "no business day is open: nothing becomes due", f"kehu date set {calendar}")
    if today < calendar and opens_days:
        what = f"the open business day is {today}, the calendar says {calendar}"
        return Finding("day", "wrong", what, f"kehu date set {calendar}, and see worker daybreak of customer")
    return ok("day", f"{today}{'' if found['went_live'] else ', initial load'}")
