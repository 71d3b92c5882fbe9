"""`kehu doctor`: what is wrong on this machine, and what to do about it."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from all_in_one.commands.archiving import company
from all_in_one.commands.server import PREFIXES, Server
from all_in_one.commands.terminal import ADMIN, HERE, Json, Refused, Token, Url, group, out, print_json
from all_in_one.doctor import data as folders
from all_in_one.doctor import machine, services
from all_in_one.doctor.data import Examined
from all_in_one.doctor.finding import Finding, ok
from all_in_one.home import Home
from chassis.settings import Settings
from engine import clock

app = group()
MARKS = {"ok": "[green]ok[/green]   ", "note": "[yellow]note[/yellow] ", "wrong": "[red]wrong[/red]"}


@app.command("doctor")
def doctor(
    data: Annotated[str, typer.Option("--data", help="Name of the company's folder under .kehu.")] = "demo",
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
) -> None:
    """Look for what is wrong with machine, folder, key, database and services, and say what to do; then exit code 1.

    Example: kehu doctor --data mine
    """
    found = [*examined(company(data), url, token, Settings())]
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            tell(finding)
    raise typer.Exit(1 if any(f.state == "wrong" for f in found) else 0)


def tell(finding: Finding) -> None:
    """One finding for a person."""
    out.print(f"{MARKS[finding.state]} {finding.check}: ", end="")
    out.print(finding.what, markup=False)
    if finding.do is not None:
        out.print(f"      -> {finding.do}", markup=False)


def examined(home: Home, url: str, token: str, settings: Settings) -> Iterator[Finding]:
    """All findings, from the machine to the services."""
    yield machine.python()
    yield machine.packages()
    yield machine.time_zone(settings.company.time_zone)
    environment = settings.keys.encryption.get_secret_value() if settings.keys.encryption else None
    held: list[Examined] = []
    if settings.databases.server is None and not settings.databases.urls:
        yield folders.folder(home)
        yield folders.disk(home)
        yield folders.key_file(home, environment)
        key = environment or (home.key_place.read_text() if home.key_place.exists() else None)
        told, held = asyncio.run(folders.opened(home, tuple(PREFIXES), key))
        yield from told
        if home.has_data:
            yield folders.last_backup(home)
    with Server.at(url, token) as server:
        yield from running(server, held, settings)


def running(server: Server, held: list[Examined], settings: Settings) -> Iterator[Finding]:
    """What answers at the URL; where nothing does, whether it could."""
    place = urlsplit(server.url)
    try:
        health = server.health()
    except Refused as silent:
        yield machine.port(place.hostname or "127.0.0.1", place.port or 80, ours=False)
        yield Finding("services", "note", str(silent))
        return
    yield machine.port(place.hostname or "127.0.0.1", place.port or 80, ours=True)
    try:
        yield from spoken_to(server, health, held, settings)
    except Refused as refused:
        yield Finding("services", "wrong", str(refused), "with the right token all of them can be looked at")


def spoken_to(server: Server, health: Any, held: list[Examined], settings: Settings) -> Iterator[Finding]:
    """What the services say of themselves."""
    wrong: list[Finding] = []
    for name, known in health["services"].items():
        wrong += services.stores(name, known)
        if known["store"] == "up":
            here = server.get(f"{PREFIXES[name]}/ops/workers")
            wrong += [*services.workers(name, here), *services.elsewhere(name, known["halted"], here)]
            store = server.get(f"{PREFIXES[name]}/ops/store")
            wrong += services.store(name, store, clock.now())
            wrong += services.views(name, server.get(f"{PREFIXES[name]}/ops/views"))
            wrong += another(name, store, held)
    yield from wrong or [ok("services", "all four are well")]
    if health["services"]["customer"]["store"] == "up":
        opens = settings.company.opens_days
        yield services.day(server.get("/api/customers/days"), clock.today(settings.company.time_zone), opens_days=opens)


def another(name: str, store: Any, held: list[Examined]) -> Iterator[Finding]:
    """Whether the server works on other data than the folder that was looked at."""
    if any(e.service == name and str(e.held.incarnation) != store["incarnation"] for e in held) and name == "customer":
        what = "what answers at the URL works on another company's data than the folder that was looked at"
        yield Finding("folder", "note", what, "name both: kehu doctor --data NAME --url URL")
