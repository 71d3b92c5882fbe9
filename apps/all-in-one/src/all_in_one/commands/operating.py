"""`kehu status`, `lag`, `views`, `rebuild`: how it is, how far everything is, what is shown."""

import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from all_in_one.commands.server import PREFIXES, Server
from all_in_one.commands.terminal import (
    ADMIN,
    HERE,
    Json,
    Refused,
    Token,
    Url,
    err,
    group,
    out,
    print_json,
    print_table,
    size,
)

app = group()
LATE = 60.0
"""Seconds behind from which a consumer is something to look at."""
UNPUBLISHED = 30.0
"""Seconds an event may wait for Kafka: as long as a send may take."""
LOOK = 0.3


@app.command()
def status(url: Url = HERE, token: Token = ADMIN, as_json: Json = False) -> None:
    """Which day it is, how the services are, what waits for a person. Exit code 1 when something is not well.

    Example: kehu status --json
    """
    with Server.at(url, token) as server:
        found = seen(server)
    if as_json:
        print_json(found)
    else:
        show(found)
    raise typer.Exit(0 if found["healthy"] else 1)


def seen(server: Server) -> dict[str, Any]:
    """All that `status` tells."""
    health = server.health()
    day = server.get("/api/customers/days") if health["services"]["customer"]["store"] == "up" else None
    services = {name: service(server, name, known) for name, known in health["services"].items()}
    problems = [problem for name, known in health["services"].items() for problem in unwell(name, known)]
    problems += [problem for name, found in services.items() for problem in unpublished(name, found["relay"])]
    return {"url": server.url, "healthy": not problems, "problems": problems, "day": day, "services": services}


def service(server: Server, name: str, known: Any) -> dict[str, Any]:
    """One service, as far as its store can be asked."""
    state = server.get(f"{PREFIXES[name]}/ops/store") if known["store"] == "up" else {}
    consumers = known["consumers"].values()
    return {
        "store": known["store"],
        "version": state.get("version"),
        "schema": state.get("schema_revision"),
        "incarnation": state.get("incarnation"),
        "events": state.get("position"),
        "persons": state.get("persons"),
        "waiting": state.get("waiting"),
        "bytes": state.get("bytes"),
        "behind": sum(c["events"] for c in consumers),
        "parked": sum(c["parked"] for c in consumers),
        "broken_timers": known["broken_timers"],
        "halted": known["halted"],
        "silent": known.get("silent", []),
        "relay": server.get(f"{PREFIXES[name]}/ops/relay") if known["store"] == "up" else None,
    }


def unwell(name: str, known: Any) -> Iterator[str]:
    """What is not well with a service, each with where to look."""
    for role in known.get("silent", []):
        yield f"{name}: its {role} process does not answer; see its log, start it again ({name}_svc {role})"
    if known["store"] != "up" and "api" not in known.get("silent", []):
        yield f"{name}: its database does not answer (kehu doctor)"
    for worker in known["halted"]:
        yield f"{name}: {worker} has halted and waits for a person (kehu doctor)"
    if known["broken_timers"]:
        yield f"{name}: {known['broken_timers']} due commands broke (GET {PREFIXES[name]}/ops/timers)"
    for consumer, lag in known["consumers"].items():
        if lag["parked"]:
            yield f"{name}: {lag['parked']} customers are parked in {consumer} (kehu deadletters ls)"
        if lag["seconds"] > LATE:
            yield f"{name}: {consumer} lies {lag['seconds']:.0f} s behind (kehu lag)"


def unpublished(name: str, relay: Any) -> Iterator[str]:
    """What is not well with what a service publishes to Kafka; nothing where there is none."""
    if relay is None or relay["works"] is None:
        return
    if relay["seconds"] > UNPUBLISHED:
        yield (
            f"{name}: {relay['events']} events have waited {relay['seconds']:.0f} s to be published: does Kafka run? "
            "(kehu relay status)"
        )
    elif not relay["works"]:
        yield f"{name}: nobody publishes its events to Kafka: does its worker run? (kehu relay status)"


def show(found: dict[str, Any]) -> None:
    """The status for a person."""
    day = found["day"]
    if day is not None:
        how = "live" if day["went_live"] else "initial load"
        out.print(f"business day {day['today']}{'' if day['opened'] else ' (not opened)'}, {how}, at {found['url']}")
    rows = [
        (name, "?" if "api" in s["silent"] else s["store"], s["version"], s["schema"], s["events"], s["behind"],
         s["parked"], s["waiting"], s["persons"], s["bytes"] and size(s["bytes"]), s["incarnation"])
        for name, s in found["services"].items()
    ]  # fmt: skip
    print_table(
        ("service", "store", "version", "schema", "events", "behind", "parked", "waiting", "persons", "size",
         "incarnation"),
        rows,
    )  # fmt: skip
    for problem in found["problems"]:
        out.print(f"[red]![/red] {problem}")
    if found["healthy"]:
        out.print("[green]All is well.[/green]")


@app.command()
def lag(
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again and again until Ctrl-C.")] = False,
    wait: Annotated[
        float | None, typer.Option(help="Return when nobody lies behind; exit code 1 after this many seconds.", min=0)
    ] = None,
) -> None:
    """How far each consumer lies behind: events, seconds, customers parked.

    Example: kehu lag --watch
    """
    with Server.at(url, token) as server:
        if wait is not None:
            caught_up(server, wait)
        while True:
            found = lags(server)
            tell_lags(found, as_json)
            if not watch:
                return
            time.sleep(1)


def lags(server: Server) -> list[dict[str, Any]]:
    """Every consumer, the one furthest behind first."""
    found = [
        {"service": name, "consumer": consumer, **behind}
        for name, known in server.health()["services"].items()
        for consumer, behind in known["consumers"].items()
    ]
    return sorted(found, key=lambda c: (-c["events"], -c["parked"], c["service"], c["consumer"]))


def tell_lags(found: list[dict[str, Any]], as_json: bool) -> None:
    """One look, for a program or a person."""
    if as_json:
        return print_json(found)
    if out.is_terminal:
        out.clear()
    rows = [(c["service"], c["consumer"], c["events"], c["seconds"], c["parked"]) for c in found]
    return print_table(("service", "consumer", "events", "seconds", "parked"), rows)


def caught_up(server: Server, seconds: float) -> None:
    """Wait until nobody lies behind, seen twice: services are looked at one after the other. Raises Refused."""
    until, still = time.monotonic() + seconds, 0
    while still < 2:
        behind = sum(c["events"] for c in lags(server))
        still = 0 if behind else still + 1
        if time.monotonic() > until and behind:
            raise Refused(f"{behind} events are still not dealt with after {seconds:g} s; see `kehu lag`")
        time.sleep(LOOK if behind else 0.1)


@app.command()
def views(url: Url = HERE, token: Token = ADMIN, as_json: Json = False) -> None:
    """The views: version, rows, size, and whether a new build is being filled beside the live one.

    Example: kehu views --json
    """
    with Server.at(url, token) as server:
        found = all_views(server)
    if as_json:
        return print_json(found)
    rows = [
        (v["service"], v["name"], v["version"], "-" if v["live"] is None else f"{v['live']}_{v['build']}", v["state"],
         v["rows"], size(v["bytes"] or 0))
        for v in found
    ]  # fmt: skip
    return print_table(("service", "view", "version", "live", "state", "rows", "size"), rows)


def all_views(server: Server) -> list[dict[str, Any]]:
    """Every view of every service, with its `state`."""
    return [
        {"service": name, **view, "state": state(view)}
        for name, prefix in PREFIXES.items()
        for view in server.get(f"{prefix}/ops/views")
    ]


def state(view: Any) -> str:
    """`live`, `building` (a new build is filled beside it) or `outdated` (filled by another version of its fold)."""
    if view["building"] is not None:
        return "building"
    return "live" if view["live"] == view["version"] else "outdated"


@app.command()
def rebuild(
    view: Annotated[str, typer.Argument(help="Its name, with the service where several have it: credit/business_day")],
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Build a view anew beside the live one, which is read meanwhile; waits until it has taken its place.

    Example: kehu rebuild receivables --dry-run
    """
    with Server.at(url, token) as server:
        chosen = named(all_views(server), view)
        if not dry_run:
            chosen = rebuilt(server, chosen)
    if as_json:
        return print_json({"done": not dry_run, **chosen})
    return out.print(would(chosen) if dry_run else did(chosen))


def named(found: list[dict[str, Any]], asked: str) -> dict[str, Any]:
    """The view of that name. Raises Refused with the names there are."""
    service, _, name = asked.rpartition("/")
    fitting = [v for v in found if v["name"] == name and service in ("", v["service"])]
    if len(fitting) == 1:
        return fitting[0]
    among = fitting or found
    names = ", ".join(f"{v['service']}/{v['name']}" for v in among)
    raise Refused(f"{'several views are' if fitting else 'no view is'} called {asked}; choose one of: {names}")


def rebuilt(server: Server, chosen: dict[str, Any]) -> dict[str, Any]:
    """Ask for the rebuild and wait for it. Raises Refused where it failed: the live view is untouched then."""
    path = f"{PREFIXES[chosen['service']]}/ops/views/{chosen['name']}"
    server.post(f"{path}/rebuild")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task(f"rebuilding {chosen['name']}", total=None)
        while True:
            view = server.get(path)
            run = view["rebuild"]
            progress.update(task, completed=run["events"], total=run["total"])
            if run["state"] != "running":
                break
            time.sleep(LOOK)
    if run["state"] == "failed":
        raise Refused(f"the rebuild of {chosen['name']} failed with {run['error']}, the live view is untouched")
    return {"service": chosen["service"], **view, "state": state(view)}


def would(view: dict[str, Any]) -> str:
    """What a dry run says."""
    return (
        f"Would fold all events of {view['service']}/{view['name']} into a new table (version {view['version']}) "
        f"beside the live one ({view['rows']} rows, {size(view['bytes'] or 0)}), and swap them; nothing was done."
    )


def did(view: dict[str, Any]) -> str:
    """What came of it."""
    run = view["rebuild"]
    same = {True: "holds what the old one did", None: "cannot be compared with the old one"}.get(
        run["same"], f"differs: {run['gone']} rows gone, {run['new']} new"
    )
    parked = f", {run['parked']} events parked (kehu deadletters ls)" if run["parked"] else ""
    return f"{view['service']}/{view['name']}: {run['events']} events folded, {view['rows']} rows{parked}; it {same}."
