"""The `kehu` command: every group of commands, put together."""

import typer

from all_in_one.commands import (
    archiving,
    calendar,
    checkup,
    demo,
    importing,
    letters,
    log,
    operating,
    persons,
    running,
)
from all_in_one.commands.terminal import Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    help="Kehu 客户: customers, credit, receivables, complaints.",
)
for commands in (running, operating, letters, log, calendar, persons, archiving, checkup, importing):
    app.add_typer(commands.app)
app.add_typer(demo.app, name="demo")
