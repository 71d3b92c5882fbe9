"""How commands speak: results to stdout, everything else to stderr, refusals as one sentence.

Exit codes: 0 done, 1 refused or unhealthy, 2 not understood (usage).
"""

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich import filesize
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

out = Console(soft_wrap=True)
"""Lines are left to the terminal to break, so that a sentence can be copied from it, and found in a pipe."""
err = Console(stderr=True)

Url = Annotated[str, typer.Option("--url", envvar="KEHU_URL", help="The running Kehu.")]
Token = Annotated[str, typer.Option("--token", envvar="KEHU_TOKEN", help="Bearer token.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable: one JSON document, nothing else on stdout.")]

HERE = "http://127.0.0.1:8000"
ADMIN = "dev-admin"
"""Taken on development machines only."""


class Refused(Exception):
    """A command cannot do what was asked: the message is one sentence that says why, and what to do.

    `code` is the exit code; 2 for a command whose 1 means something.
    """

    code = 1


class Commands(TyperGroup):
    """Tells a refusal in one sentence, where a traceback would help nobody."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Refused becomes its sentence on stderr and its exit code."""
        try:
            return super().invoke(ctx)
        except Refused as refused:
            err.print(f"[red]Refused:[/red] {escape(str(refused))}", soft_wrap=True)
            raise typer.Exit(refused.code) from None


def group(help_text: str | None = None) -> typer.Typer:
    """A group of commands; without a help text of its own its commands stand beside those of the other groups."""
    return typer.Typer(no_args_is_help=True, help=help_text)


def print_json(document: Any) -> None:
    """`document` as JSON on stdout, as it is: no colours, no line breaks of the terminal."""
    out.file.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")
    out.file.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """`rows` under `columns`: framed on a terminal, separated by tabs in a pipe, so that nothing is cut off there."""
    if not out.is_terminal:
        for row in (columns, *rows):
            out.file.write("\t".join(shown(value) for value in row) + "\n")
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(escape(shown(value)) for value in row))
    out.print(table, soft_wrap=False)


def shown(value: Any) -> str:
    """A value as people read it."""
    return "-" if value is None else str(value)


def size(count: int) -> str:
    """Bytes as people say them."""
    return str(filesize.decimal(count))
