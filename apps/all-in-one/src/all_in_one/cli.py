"""The `kehu` command."""

import asyncio
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import httpx
import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from all_in_one import importing, mapping
from all_in_one.home import BadName, Home
from all_in_one.runner import up as run
from all_in_one.services import intake_prefixes
from chassis.settings import Settings
from engine.embedded_home import CannotStart

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Kehu 客户: customers, credit, receivables, complaints."
)
out = Console()
err = Console(stderr=True)
DEVELOPMENT_TOKEN = "dev-integration"  # noqa: S105 - a name, taken on development machines only


@app.callback()
def main() -> None:
    """Kehu 客户: customers, credit, receivables, complaints."""


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    data: Annotated[str, typer.Option(help="Name of the company's folder under .kehu.")] = "demo",
) -> None:
    """Run everything on this machine. Ctrl-C stops it; the data stays.

    Example: kehu up --port 8000 --data mine
    """
    try:
        home = Home.named(data)
        uvloop.run(run(home, port, lambda stage: _say(stage, home, port)))
    except (BadName, CannotStart, OSError) as stopped:
        err.print(f"[red]Kehu did not start:[/red] {stopped}")
        raise typer.Exit(1) from None


def _say(stage: str, home: Home, port: int) -> None:
    if stage != "ready":
        return out.print(f"[dim]{stage} ...[/dim]")
    url = f"http://127.0.0.1:{port}"
    out.print(f"[bold]Kehu 客户[/bold] is up: {url}  data: {home.folder}  token: dev-admin")
    return out.print("[dim]Ctrl-C stops it.[/dim]")


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="A mapping by name (classicmodels), or the path of your own .toml.")],
    folder: Annotated[Path, typer.Argument(help="Folder with the CSV files.", exists=True, file_okay=False)],
    url: Annotated[str, typer.Option(help="The running Kehu.")] = "http://127.0.0.1:8000",
    token: Annotated[
        str, typer.Option(help="Bearer token with role integration.", envvar="KEHU_TOKEN")
    ] = "dev-integration",  # noqa: S107 - the development token's name
    live: Annotated[
        bool, typer.Option("--live", help="Not an initial load: recorded now, checked like any document.")
    ] = False,
) -> None:
    """Import CSV files through the intake, as an ERP would. Repeating it does nothing twice.

    Example: kehu import classicmodels ./classicmodels
    """
    try:
        found = mapping.load(source)
        drafts = mapping.Folder(found, folder).drafts()
        outcome = asyncio.run(_import(found.source, drafts, url, token, initial_load=not live))
    except mapping.MappingError as wrong:
        raise _stopped(str(wrong)) from None
    except (importing.ImportStopped, httpx.TransportError) as stopped:
        raise _stopped(f"{stopped!s:.500} ({url})") from None
    _report(outcome, len(drafts))
    raise typer.Exit(1 if outcome.refused else 0)


def _stopped(why: str) -> typer.Exit:
    err.print(f"[red]The import stopped:[/red] {why}")
    return typer.Exit(1)


async def _import(
    source: str, drafts: list[mapping.Drafted], url: str, token: str, *, initial_load: bool
) -> importing.Outcome:
    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    headers = {"Authorization": f"Bearer {token}"}
    zone = ZoneInfo(Settings().company.time_zone)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
        intake = importing.Intake(client, intake_prefixes(), source, zone, initial_load)
        with Progress(*columns, console=err) as progress:
            task = progress.add_task("documents", total=len(drafts))
            return await importing.send(intake, drafts, lambda n: progress.advance(task, n))


def _report(outcome: importing.Outcome, drafted: int) -> None:
    out.print(
        f"{drafted} documents: {outcome.accepted} accepted, {outcome.duplicate} known already, "
        f"{len(outcome.waiting)} waiting, {len(outcome.refused)} refused"
    )
    if not outcome.refused:
        return
    table = Table("file", "line", "document", "rule", "sentence")
    for file, rows in importing.by_line(outcome.refused):
        for refused in rows:
            table.add_row(file, str(refused.line), refused.document, refused.rule, refused.sentence)
    out.print(table)
