"""Processes of credit-svc for tests that race them: its HTTP API on a port, and a worker that hears of orders.

Over HTTP credit-svc only answers whether an amount would go; an order comes to it by the bus. Its API has one more
route here, which decides about an order at once, so that processes can race for a limit.
"""

import asyncio
import socket
from dataclasses import replace

from chassis.app import create_app
from chassis.context import Answer, Do
from chassis.routes import Routes
from chassis.run import opened, server, working
from chassis.settings import Auth, Logs, Settings, Work
from credit_svc import api as doors
from credit_svc import service
from credit_svc.domain.order import CheckOrder
from engine.testing.forked import obey, say

ROUTE = "/orders"
router = Routes()


@router.post(ROUTE)
async def check_order(command: CheckOrder, do: Do) -> Answer:
    """Decide about an order."""
    return await do(command)


SERVICE = replace(service.SERVICE, routers=(router, doors.router))


def settings(member: str) -> Settings:
    return Settings(auth=Auth(development=True), logs=Logs(level="error"), work=Work(member=member))


async def api(urls: dict[str, str]) -> None:
    """Serve until killed."""
    given = settings("api")
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen(1000)
        async with opened([SERVICE], given, urls) as runtimes:
            say("serving", port=port.getsockname()[1])
            await server(create_app(runtimes), given, runtimes).serve([port])


async def worker(urls: dict[str, str], member: str) -> None:
    """React until killed."""
    async with opened([SERVICE], settings(member), urls) as runtimes, working(runtimes, ["reactor"]):
        say("at work")
        await asyncio.Event().wait()


if __name__ == "__main__":
    obey({"api": api, "worker": worker})
