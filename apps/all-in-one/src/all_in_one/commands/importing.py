"""`kehu import`: files through the intake, as an ERP would send them."""

import asyncio
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import httpx
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from all_in_one import importing, mapping
from all_in_one.commands.demo import refuse_import_into_demo
from all_in_one.commands.terminal import HERE, Token, Url, err, group, out
from all_in_one.services import intake_prefixes
from chassis.settings import Settings

app = group()
DEVELOPMENT_TOKEN = "dev-integration"  # noqa: S105 - a name, taken on development machines only


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="A mapping by name (classicmodels), or the path of your own .toml.")],
    folder: Annotated[Path, typer.Argument(help="Folder with the CSV files.", exists=True, file_okay=False)],
    url: Url = HERE,
    token: Token = DEVELOPMENT_TOKEN,
    live: Annotated[
        bool, typer.Option("--live", help="Not an initial load: recorded now, checked like any document.")
    ] = False,
) -> None:
    """Import CSV files through the intake, as an ERP would. Repeating it does nothing twice.

    Example: kehu import classicmodels ./classicmodels
    """
    try:
        found = mapping.load(source)
        refuse_import_into_demo(url)
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
