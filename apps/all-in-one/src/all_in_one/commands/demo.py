"""`kehu demo`: the demo company of a running Kehu."""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from time import monotonic, sleep
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from all_in_one.commands.server import Server
from all_in_one.commands.terminal import ADMIN, HERE, Json, Refused, Token, Url, err, group, out, print_json
from all_in_one.demo.progress import PATH

app = group("The demo company: how far it is, and how its time goes on.")
START_EMPTY = "make run DATA=mine"
"""The command that starts an empty company."""
PATIENCE = 60.0
"""Seconds in which a day's documents have to come in."""
LOOK = 0.05
LISTED = 500


@app.command()
def status(url: Url = HERE, token: Token = ADMIN, as_json: Json = False) -> None:
    """How far the demo company is.

    Example: kehu demo status
    """
    with Server.at(url, token) as server:
        told = status_of(server)
    if as_json:
        return print_json(told)
    if not told["demo"]:
        return out.print("a company of its own, not the demo")
    out.print(f"the demo company is {told['state']}: {told['done']} of {told['total']} documents")
    out.print(f"history to {told['until']} (seed {told['seed']}), lived through {told['through'] or 'nothing yet'}")
    if told["problem"]:
        out.print(f"[red]{told['problem']}[/red]")
    return None


@app.command("next-month")
def next_month(url: Url = HERE, token: Token = ADMIN, as_json: Json = False) -> None:
    """Let a month go by, day by day: orders, deliveries, payments, complaints, and what Kehu says to them.

    Example: kehu demo next-month
    """
    with Server.at(url, token) as server:
        first = _living(status_of(server))
        last, began, documents = month_after(first), monotonic(), 0
        before = {a["alert"]: a["level"] for a in _alerts(server)}
        for day in _shown([first + timedelta(days=n) for n in range(1, (month_after(first) - first).days + 1)]):
            server.post("/api/customers/days/open", {"day": str(day)})
            documents += _lived(server, day)
        happened = _happened(server, first, before)
    if as_json:
        return print_json({"from": first, "to": last, "documents": documents, **happened})
    out.print(f"{first} to {last}: {documents} documents in {monotonic() - began:.0f} s")
    return _tell(happened)


def month_after(day: date) -> date:
    """The same day of the next month, or its last day."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def status_of(server: Server) -> dict[str, Any]:
    """What the server says about its demo company; one that is deployed has none."""
    return dict(server.find(PATH) or {"demo": False, "state": "none"})


def refuse_import_into_demo(server: Server) -> None:
    """Raises Refused where the company is the demo: real documents among invented ones help nobody."""
    if status_of(server)["demo"]:
        raise Refused(
            "this is the demo company, and nothing is imported into invented data."
            f" Stop it (Ctrl-C), start an empty company with `{START_EMPTY}`, and import again."
        )


# --- a month goes by ----------------------------------------------------------------------------------------------


def _living(told: dict[str, Any]) -> date:
    """The day through which the demo has lived. Raises Refused where there is none, or it is not through."""
    if not told["demo"]:
        raise Refused("this is not the demo company, and the time of a real one is not made.")
    if told["state"] != "live":
        why = told["problem"] or f"{told['done']} of {told['total']} documents; try again in a moment"
        raise Refused(f"the demo company is {told['state']}: {why}.")
    return date.fromisoformat(told["through"])


def _shown(days: Sequence[date]) -> Iterator[date]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(str(days[0]), total=len(days))
        for day in days:
            bar.update(task, description=str(day))
            yield day
            bar.advance(task)


def _lived(server: Server, day: date) -> int:
    """Waits until the documents of `day` have come in; how many there were. Raises Refused."""
    until = monotonic() + PATIENCE
    while (told := status_of(server))["through"] < str(day):
        if told["problem"] or monotonic() > until:
            raise Refused(f"{day} does not come to an end: {told['problem'] or 'see kehu.log beside the data'}")
        sleep(LOOK)
    return int(told["total"])


def _alerts(server: Server) -> list[dict[str, Any]]:
    """Those that are open."""
    return list(server.get("/api/analytics/alerts", state="open", limit=LISTED)["items"])


def _happened(server: Server, since: date, before: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """What came up after `since`: alerts raised or at another level than `before`, orders held, complaints opened."""

    def rows(path: str, when: str, **asked: Any) -> list[dict[str, Any]]:
        return [row for row in server.get(path, limit=LISTED, **asked)["items"] if str(row[when])[:10] > str(since)]

    return {
        "alerts": [a for a in _alerts(server) if before.get(a["alert"]) != a["level"]],
        "held": rows("/api/customers/orders", "order_date", state="held", newest_first=True),
        "complaints": rows("/api/complaints/", "complained_at"),
    }


def _tell(happened: dict[str, list[dict[str, Any]]]) -> None:
    grave = [a for a in happened["alerts"] if a["level"] != "notice"]
    if grave:
        table = Table("alert", "customer", "level", "value", "since")
        for a in grave:
            table.add_row(a["rule"], a["customer"] or "-", a["level"], f"{a['value']} {a['unit']}", a["raised_on"])
        out.print(table, soft_wrap=False)
    for order in happened["held"]:
        out.print(f"held: {order['order']} of {order['customer']}, {order['total']} ({', '.join(order['reasons'])})")
    notices, complaints = len(happened["alerts"]) - len(grave), len(happened["complaints"])
    out.print(f"{notices} customers a little late, {complaints} new complaints")
