"""`kehu up`: everything on this machine."""

from typing import Annotated

import typer
import uvloop

from all_in_one.commands.terminal import err, group, out
from all_in_one.home import BadName, Home
from all_in_one.runner import up as run
from engine.embedded_home import CannotStart

app = group()


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
