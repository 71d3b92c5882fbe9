"""`kehu date`: the business day, which every rule and figure takes as today."""

from datetime import date as Date
from datetime import datetime
from typing import Annotated, Any

import typer

from all_in_one.commands.server import Server
from all_in_one.commands.terminal import ADMIN, HERE, Json, Token, Url, group, out, print_json

app = typer.Typer()
dates = group("The business day, which every rule and figure takes as today. It only moves forwards.")
app.add_typer(dates, name="date")

DAYS = "/api/customers/days"
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@dates.command("show")
def show(url: Url = HERE, token: Token = ADMIN, as_json: Json = False) -> None:
    """Which day is open, and whether the company went live.

    Example: kehu date show
    """
    with Server.at(url, token) as server:
        found = server.get(DAYS)
    if as_json:
        return print_json(found)
    how = "opened" if found["opened"] else "not opened yet, the clock's"
    return out.print(f"{found['today']} ({how}; {'live' if found['went_live'] else 'initial load'})")


@dates.command("set")
def set_day(
    day: Annotated[datetime, typer.Argument(help="The day to open.", formats=["%Y-%m-%d"])],
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Open a day; what is due by then is decided, customers are judged anew. There is no way back.

    Example: kehu date set 2030-01-07 --dry-run
    """
    with Server.at(url, token) as server:
        before = server.get(DAYS)
        if not dry_run:
            server.post(f"{DAYS}/open", {"day": day.date().isoformat()})
    moved(before, day.date(), as_json, done=not dry_run)


@dates.command("advance")
def advance(
    days: Annotated[int, typer.Argument(help="So many days.", min=1, max=3660)] = 1,
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Open the day that many days after the open one.

    Example: kehu date advance 45
    """
    with Server.at(url, token) as server:
        before = server.get(DAYS)
        today = Date.fromisoformat(before["today"])
        if not dry_run:
            server.post(f"{DAYS}/advance", {"since": before["today"], "days": days})
    moved(before, Date.fromordinal(today.toordinal() + days), as_json, done=not dry_run)


def moved(before: Any, after: Date, as_json: bool, *, done: bool) -> None:
    """What became of the day, or would."""
    if as_json:
        return print_json({"done": done, "before": before["today"], "today": after.isoformat()})
    if done:
        return out.print(f"{before['today']} -> {after.isoformat()}; what is due by then is decided now (kehu lag)")
    return out.print(f"Would open {after.isoformat()} after {before['today']}; nothing was done.")
