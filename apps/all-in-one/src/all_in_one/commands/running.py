"""`kehu up`: everything on this machine."""

from dataclasses import dataclass
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from all_in_one.commands.terminal import ADMIN, Json, err, group, out, print_json
from all_in_one.demo.progress import DENSITY, Progress
from all_in_one.home import BadName, Home, KeyMissing
from all_in_one.runner import KAFKA_AT, STAGES, Watch
from all_in_one.runner import up as run
from chassis.run import WrongKey
from chassis.settings import BusKind
from engine.database import NewerSchema
from engine.embedded_home import CannotStart
from engine.heap import leave_quickly
from engine.local_kafka import NoKafka

app = group()


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    data: Annotated[str, typer.Option(help="Name of the company's folder under .kehu.")] = "demo",
    density: Annotated[
        float, typer.Option(help="How much the demo company trades.", envvar="KEHU_DEMO_DENSITY", min=0.01, max=10)
    ] = DENSITY,
    bus: Annotated[
        BusKind | None,
        typer.Option(
            help="table: the database is enough. kafka: events go through a real Kafka.", envvar="KEHU_BUS__KIND"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run everything on this machine. Ctrl-C stops it; the data stays.

    With --json the one document comes as soon as it is up; all else that is said goes to stderr.

    Example: kehu up --port 8000 --data mine
    """
    said = err if as_json else out
    try:
        home = Home.named(data)
        say = Said(home, port, said, as_json)
        uvloop.run(run(home, port, say, Watch(density, DemoBar(said).show), bus))
    except (BadName, CannotStart, KeyMissing, NewerSchema, NoKafka, WrongKey, OSError) as stopped:
        err.print(f"[red]Kehu did not start:[/red] {stopped}")
        raise typer.Exit(1) from None
    finally:
        leave_quickly()


@dataclass(slots=True)
class Said:
    """What is told of a start: each stage, and where it is up."""

    home: Home
    port: int
    console: Console
    as_json: bool
    kafka: str | None = None

    def __call__(self, stage: str) -> None:
        if stage.startswith(KAFKA_AT):
            self.kafka = stage.removeprefix(KAFKA_AT)
        if stage != STAGES[-1]:
            return self.console.print(f"[dim]{stage} ...[/dim]")
        url = f"http://127.0.0.1:{self.port}"
        if self.as_json:
            kafka = {"kafka": self.kafka} if self.kafka else {}
            return print_json({"url": url, "data": str(self.home.folder), "token": ADMIN, **kafka})
        self.console.print(f"[bold]Kehu 客户[/bold] is up: {url}  data: {self.home.folder}  token: {ADMIN}")
        if self.kafka:
            self.console.print(f"Apache Kafka: {self.kafka}")
        return self.console.print("[dim]Ctrl-C stops it.[/dim]")


class DemoBar:
    """The demo company's way in, as a bar below what else is said; gone once it lives."""

    def __init__(self, console: Console) -> None:
        self._bar: Bar | None = None
        self._console = console

    def show(self, progress: Progress) -> None:
        """Draw the bar anew."""
        if progress.state == "loading":
            self._draw(progress)
        elif self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._console.print(f"the demo company is live: {progress.loaded} documents in {progress.took:.0f} s")

    def _draw(self, progress: Progress) -> None:
        if self._bar is None:
            columns = (TextColumn("loading the demo company"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=err)
            self._bar.add_task("documents", total=None)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=progress.done, total=progress.total or None)
