"""The api process of customer-svc without workers, as it runs distributed: ``python -m bench.serving URL PORT``."""

import asyncio
import sys

import uvloop

from all_in_one.services import SERVICES
from chassis.app import create_app
from chassis.run import opened, server
from chassis.settings import Auth, Http, Logs, Settings


async def serve(url: str, port: int) -> None:
    """customer-svc alone on `port`."""
    settings = Settings(
        auth=Auth(development=True), http=Http(port=port, rate="1000000/second"), logs=Logs(level="warning")
    )
    services = [s for s in SERVICES if s.name == "customer"]
    async with opened(services, settings, {s.name: url for s in SERVICES}) as runtimes:
        await server(create_app(runtimes), settings, runtimes).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2])))
