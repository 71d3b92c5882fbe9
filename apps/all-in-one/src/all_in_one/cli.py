"""The `kehu` command: every group of commands, each loaded when it is asked for."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_group

from all_in_one.commands.terminal import Commands
from engine.heap import look_seldom


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is: a module of `all_in_one.commands`, and the first sentences of its help."""

    module: str
    says: str


PLACES = {
    "up": Place("running", "Run everything on this machine. Ctrl-C stops it; the data stays."),
    "distributed": Place(
        "distributing",
        "Run every service as processes of its own on this machine, with a gateway before them. Ctrl-C stops it all.",
    ),
    "kafka": Place("kafka", "Run a real Apache Kafka on this machine. Ctrl-C stops it; its data stays in .kehu/kafka."),
    "demo": Place("demo", "The demo company: how far it is, and how its time goes on."),
    "import": Place(
        "importing", "Import CSV files through the intake, as an ERP would. Repeating it does nothing twice."
    ),
    "reconcile": Place(
        "reconciling",
        "Compare balances of the ERP with ours and say what explains each difference; exit code 1 where some differ.",
    ),
    "intake": Place("reconciling", "What came in from the ERP, and what became of it."),
    "status": Place(
        "operating",
        "Which day it is, how the services are, what waits for a person. Exit code 1 when something is not well.",
    ),
    "lag": Place("operating", "How far each consumer lies behind: events, seconds, customers parked."),
    "views": Place(
        "operating",
        "The views: version, rows, size, and whether a new build is being filled beside the live one.",
    ),
    "rebuild": Place(
        "operating",
        "Build a view anew beside the live one, which is read meanwhile; waits until it has taken its place.",
    ),
    "relay": Place("brokerage", "How far the logs were published to Kafka, and publishing them again."),
    "offsets": Place("brokerage", "How far the intake has read the topics of the ERP, and reading them again."),
    "topics": Place("brokerage", "The topics of the Kafka cluster: as they are, and made as they have to be."),
    "deadletters": Place(
        "letters",
        "Events that nobody could deal with, and all later ones of their customers: they wait for a person.",
    ),
    "events": Place("log", "The events of all services. What is personal in them stays sealed: it is never printed."),
    "date": Place("calendar", "The business day, which every rule and figure takes as today. It only moves forwards."),
    "erase-person": Place(
        "persons",
        "Destroy a person's keys in every service: what was said of the person can be read nowhere again. "
        "Figures stay.",
    ),
    "backup": Place(
        "archiving",
        "Write a company into one file: all services as of one moment, whether it runs or not, and its encryption key.",
    ),
    "restore": Place(
        "archiving",
        "Make a company of a backup, in a new life: whoever had read its log before begins again. "
        "Then start it as ever.",
    ),
    "doctor": Place(
        "checkup",
        "Look for what is wrong with machine, folder, key, database and services, and say what to do; "
        "then exit code 1.",
    ),
}
"""The commands, in the order of the help."""


class Kehu(Commands):
    """Loads the module of the command that is asked for: `up` and `import` need all services, which takes seconds."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = {name: TyperCommand(name, help=place.says) for name, place in PLACES.items()}
        """What is known of each without loading it: enough for the help, and for guessing which one was meant."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the help."""
        return list(PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, or the group of that name; None where there is none."""
        if cmd_name not in PLACES:
            return None
        look_seldom()  # what is loaded stays: looking through it takes a seventh of a start
        loaded = get_group(import_module(f"all_in_one.commands.{PLACES[cmd_name].module}").app)
        loaded.name = cmd_name
        return loaded.commands.get(cmd_name, loaded)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """What each command says of itself, with none of them loaded."""
        plain = Commands(name=self.name, help=self.help, params=self.params, commands=dict(self.commands))
        plain.format_help(ctx, formatter)


app = typer.Typer(cls=Kehu, no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """Kehu 客户: customers, credit, receivables, complaints."""
