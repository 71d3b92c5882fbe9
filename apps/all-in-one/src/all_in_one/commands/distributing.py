"""`kehu distributed`: every service as processes of its own on this machine."""

from collections.abc import Sequence
from typing import Annotated

import typer
import uvloop
from rich.markup import escape

from all_in_one.commands.running import DemoBar, Said
from all_in_one.commands.terminal import Json, err, group, out, print_table
from all_in_one.demo.progress import DENSITY
from all_in_one.distributed import Told, run
from all_in_one.home import BadName, Home, KeyMissing
from all_in_one.processes import NoStart, Process
from all_in_one.runner import Watch
from chassis.run import WrongKey
from chassis.settings import BusKind
from engine.database import NewerSchema
from engine.embedded_home import CannotStart
from engine.heap import leave_quickly
from engine.kafka.access import Unreachable
from engine.local_kafka import NoKafka

app = group()
TABLE = "or do without it: make distributed BUS=table (kehu distributed --bus table)"


@app.command()
def distributed(
    port: Annotated[
        int, typer.Option(help="Port of the gateway; the processes take those that follow.", min=1, max=65535)
    ] = 8000,
    data: Annotated[str, typer.Option(help="Name of the company's folder under .kehu.")] = "demo",
    density: Annotated[
        float, typer.Option(help="How much the demo company trades.", envvar="KEHU_DEMO_DENSITY", min=0.01, max=10)
    ] = DENSITY,
    bus: Annotated[
        BusKind,
        typer.Option(
            help="kafka: events go through a real Kafka. table: processes read each other's logs.",
            envvar="KEHU_BUS__KIND",
        ),
    ] = "kafka",
    as_json: Json = False,
) -> None:
    """Run every service as processes of its own on this machine, with a gateway before them. Ctrl-C stops it all.

    A process that dies is started again. With --json the one document comes as soon as it is up.

    Example: kehu distributed --port 8000 --data mine --bus table
    """
    said = err if as_json else out
    try:
        home = Home.named(data)
        told = Told(Said(home, port, said, as_json), Table(as_json), lambda news: err.print(f"[yellow]{escape(news)}"))
        uvloop.run(run(home, port, told, Watch(density, DemoBar(said).show), bus))
    except (NoKafka, Unreachable) as stopped:
        refused(f"{stopped}; {TABLE}")
    except (BadName, CannotStart, KeyMissing, NewerSchema, NoStart, WrongKey, OSError) as stopped:
        refused(str(stopped))
    finally:
        leave_quickly()


def refused(why: str) -> None:
    """One sentence, and exit code 1."""
    err.print(f"[red]Kehu did not start:[/red] {escape(why)}", soft_wrap=True)
    raise typer.Exit(1)


class Table:
    """Tells which processes there are; a program asks /health/ready."""

    def __init__(self, as_json: bool) -> None:
        self._quiet = as_json

    def __call__(self, processes: Sequence[Process]) -> None:
        """Once they are up."""
        if not self._quiet:
            print_table(("process", "pid", "port", "log"), [(p.name, p.pid, p.port, p.log) for p in processes])
