"""`kehu kafka`: a real Kafka on this machine, for as long as somebody works with it."""

import asyncio
from signal import SIGINT, SIGTERM
from typing import Annotated

import typer
import uvloop

from all_in_one.brokers import BROKERS, kafka
from all_in_one.commands.terminal import Json, Refused, err, group, out, print_json
from engine.kafka.access import Unreachable
from engine.local_kafka import NoKafka

app = group()


@app.command("kafka")
def serve(
    brokers: Annotated[int, typer.Option(help="How many nodes: 1, or 3 that survive the loss of one.")] = 1,
    port: Annotated[int, typer.Option(help="Port of the first one; 0: free ports.", min=0, max=65000)] = 9092,
    as_json: Json = False,
) -> None:
    """Run a real Apache Kafka on this machine. Ctrl-C stops it; its data stays in .kehu/kafka.

    Example: kehu kafka --brokers 3
    """
    if brokers not in (1, 3):
        raise Refused(f"{brokers} brokers: 1 is enough to try, 3 survive the loss of one; other numbers help nobody")
    try:
        uvloop.run(_served(brokers, port, as_json))
    except (NoKafka, Unreachable) as why:
        raise Refused(str(why)) from None


async def _served(brokers: int, port: int, as_json: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (SIGINT, SIGTERM):
        loop.add_signal_handler(number, stop.set)
    err.print("[dim]starting Kafka ...[/dim]")
    folder = BROKERS / f"{brokers}-broker"
    async with kafka(folder, brokers=brokers, port=port) as cluster:
        if as_json:
            print_json({"bootstrap": cluster.bootstrap, "data": str(folder)})
        else:
            out.print(f"[bold]Apache Kafka[/bold] is up: {cluster.bootstrap}  data: {folder}")
            out.print("[dim]Ctrl-C stops it.[/dim]")
        await stop.wait()
