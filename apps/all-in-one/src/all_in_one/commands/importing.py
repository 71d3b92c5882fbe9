"""`kehu import`: files through the intake, as an ERP would send them."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import httpx
import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from all_in_one import importing, mapping
from all_in_one.commands import guessing
from all_in_one.commands.demo import refuse_import_into_demo
from all_in_one.commands.server import Server
from all_in_one.commands.terminal import HERE, Json, Token, Url, err, group, out, print_json
from all_in_one.drafting import Folder
from all_in_one.guess.contents import Answers
from all_in_one.intakes import intake_prefixes
from all_in_one.mapping import FileMapping, MappingError
from all_in_one.refusals import SHOWN, Refusals, reported
from all_in_one.spool import Spool, SpoolFull
from chassis.settings import Settings
from engine.faults import Halted
from engine.kafka.access import Unreachable

app = group()
AGAIN = "Once the cause is gone, start it again: what has come is known, nothing is done twice."
DEVELOPMENT_TOKEN = "dev-integration"  # noqa: S105 - a name, taken on development machines only
Source = Annotated[str | None, typer.Argument(help="A mapping by name (classicmodels), or the path of your own .toml.")]
Files = Annotated[Path | None, typer.Argument(help="Folder with the CSV files.", exists=True, file_okay=False)]
Report = Annotated[
    Path | None,
    typer.Option(help="Where refused rows are written, all of them; NAME-refused.csv here, if there are any."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, send nothing.")]
Guessed = Annotated[
    Path | None,
    typer.Option("--guess", help="Write a mapping for the CSV files of a folder.", exists=True, file_okay=False),
]
Out = Annotated[Path, typer.Option("--out", help="With --guess: where the mapping is written.")]
Yes = Annotated[bool, typer.Option("--yes", help="With --guess: write it without asking.")]
DateFormat = Annotated[str | None, typer.Option("--date", help="With --guess: how dates are written, like %m/%d/%Y.")]
DecimalMark = Annotated[str | None, typer.Option("--decimal", help="With --guess: the decimal mark, . or ,")]
Currency = Annotated[str | None, typer.Option("--currency", help="With --guess: the currency of amounts, like CNY.")]
Live = Annotated[bool, typer.Option("--live", help="Not an initial load: recorded now, checked like any document.")]
ToKafka = Annotated[
    str | None,
    typer.Option(
        "--to-kafka", metavar="HOST:PORT", help="Produce to the erp.* topics of this Kafka instead, and await receipts."
    ),
]


ALONE = "a mapping and a folder belong together; without a mapping: kehu import --guess FOLDER"


@app.command("import")
def import_(
    source: Source = None,
    folder: Files = None,
    url: Url = HERE,
    token: Token = DEVELOPMENT_TOKEN,
    live: Live = False,
    dry_run: DryRun = False,
    report: Report = None,
    to_kafka: ToKafka = None,
    as_json: Json = False,
    guess: Guessed = None,
    target: Out = Path("my.toml"),
    yes: Yes = False,
    date: DateFormat = None,
    decimal: DecimalMark = None,
    currency: Currency = None,
) -> None:
    """Import CSV files through the intake, as an ERP would. Repeating it does nothing twice.

    Example: kehu import classicmodels ./classicmodels

    To the topics: kehu import classicmodels ./classicmodels --to-kafka 127.0.0.1:9092

    Without a mapping, first: kehu import --guess ./files --out my.toml
    """
    with _stopping(url):
        if guess:
            return guessing.guess(guess, target, Answers(date, decimal, currency), yes=yes, as_json=as_json)
        if source is None or folder is None:
            raise typer.BadParameter(ALONE)
        found = mapping.load(source)
        if not dry_run:
            _refuse_demo(url, token)
        with Spool(intake_prefixes()) as spool, reported(report or Path(f"{found.name}-refused.csv")) as refusals:
            _read(found, folder, spool, refusals)
            if dry_run:
                _checked(spool, refusals, as_json)
            else:
                _told(_sent(found, spool, refusals, Way(url, token, to_kafka, initial_load=not live)), as_json)
    raise typer.Exit(1 if refusals.count else 0)


@contextmanager
def _stopping(url: str) -> Iterator[None]:
    try:
        yield
    except (MappingError, SpoolFull) as wrong:
        raise _stopped(str(wrong)) from None
    except (Halted, Unreachable) as away:
        raise _stopped(f"{away!s:.500}. {AGAIN}") from None
    except OSError as wrong:
        raise _stopped(f"{wrong.strerror}: {wrong.filename}") from None
    except (importing.ImportStopped, httpx.TransportError) as stopped:
        raise _stopped(f"{stopped!s:.500} ({url}). {AGAIN}") from None


def _refuse_demo(url: str, token: str) -> None:
    with Server.at(url, token) as server:
        refuse_import_into_demo(server)


def _stopped(why: str) -> typer.Exit:
    err.print(f"[red]The import stopped:[/red] {escape(why)}")
    return typer.Exit(1)


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


def _read(found: FileMapping, folder: Path, spool: Spool, refusals: Refusals) -> None:
    files = Folder(found, folder)
    columns = (TextColumn("reading  "), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task("bytes", total=files.size)
        drafts = files.drafts(lambda passed: progress.update(task, completed=passed))
        spool.fill(drafts, refusals, by_date=True)


@dataclass(frozen=True, slots=True)
class Way:
    """Where documents go, and as what."""

    url: str
    token: str
    kafka: str | None
    initial_load: bool


def _sent(found: FileMapping, spool: Spool, refusals: Refusals, way: Way) -> importing.Outcome:
    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())

    async def delivered() -> importing.Outcome:
        headers, settings = {"Authorization": f"Bearer {way.token}"}, Settings()
        zone = ZoneInfo(settings.company.time_zone)
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=way.url, headers=headers, timeout=120))
            intake = importing.Intake(client, intake_prefixes(), found.source, zone, way.initial_load)
            if way.kafka:
                from all_in_one.producing import producing  # noqa: PLC0415 - a second that only those with a Kafka need

                at = settings.kafka.model_copy(update={"bootstrap": way.kafka})
                intake = replace(intake, produce=(await stack.enter_async_context(producing(at))).produce)
            with Progress(*columns, console=err) as progress:
                task = progress.add_task("documents", total=spool.documents)
                return await importing.deliver(intake, spool, refusals, lambda n: progress.advance(task, n))

    return asyncio.run(delivered())


def _told(outcome: importing.Outcome, as_json: bool) -> None:
    counts = {name: getattr(outcome, name) for name in ("documents", "accepted", "duplicate", "waiting", "refused")}
    if as_json:
        return print_json(counts | _refused(outcome.refusals))
    out.print(
        f"{outcome.documents} documents: {outcome.accepted} accepted, {outcome.duplicate} known already, "
        f"{outcome.waiting} waiting, {outcome.refused} refused"
    )
    return _list(outcome.refusals)


def _checked(spool: Spool, refusals: Refusals, as_json: bool) -> None:
    """What would be sent."""
    found = spool.summary()
    if as_json:
        return print_json({"types": [s._asdict() for s in found], "refused": refusals.count} | _refused(refusals))
    for s in found:
        out.print(f"{s.documents:>9,} {s.type}  {s.first} to {s.last}")
    out.print(f"{spool.documents + refusals.count} documents: {refusals.count} refused; nothing was sent")
    return _list(refusals)


def _refused(refusals: Refusals) -> dict[str, object]:
    written = str(refusals.report) if refusals.count else None
    return {"first_refused": [asdict(r) for r in refusals.first], "report": written}


def _list(refusals: Refusals) -> None:
    for r in refusals.first:
        value = f" {r.value!r}:" if r.value else ""
        where = f"column {r.column}:{value}" if r.column else f"{r.document}:"
        out.print(escape(f"{r.file} line {r.line}, {where} {r.sentence}"), highlight=False)
    if refusals.count > SHOWN:
        out.print(f"... and {refusals.count - SHOWN} more")
    if refusals.count:
        out.print(escape(f"All refused rows: {refusals.report}"))
