"""The `kehu` command: every group of commands, each loaded when it is asked for."""

from importlib import import_module
from typing import Any

import typer
from typer.main import get_group

from all_in_one.commands.terminal import Commands

PLACES = {
    "up": "running",
    "demo": "demo",
    "import": "importing",
    "status": "operating",
    "lag": "operating",
    "views": "operating",
    "rebuild": "operating",
    "deadletters": "letters",
    "events": "log",
    "date": "calendar",
    "erase-person": "persons",
    "backup": "archiving",
    "restore": "archiving",
    "doctor": "checkup",
}
"""Command -> module of `all_in_one.commands`, in the order of the help."""


class Kehu(Commands):
    """Loads the module of the command that is asked for: `up` and `import` need all services, which takes seconds."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the help."""
        return list(PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, or the group of that name; None where there is none."""
        if cmd_name not in PLACES:
            return None
        loaded = get_group(import_module(f"all_in_one.commands.{PLACES[cmd_name]}").app)
        loaded.name = cmd_name
        return loaded.commands.get(cmd_name, loaded)


app = typer.Typer(cls=Kehu, no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """Kehu 客户: customers, credit, receivables, complaints."""
