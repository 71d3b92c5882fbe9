"""One more process with the timers of credit-svc: ``python -m tests.journeys.timer_worker <name> <url> <url>``.

Its sessions carry its name, so that a test can see which process is at work. It runs until it is killed.
"""

import asyncio
import sys
from dataclasses import replace

import asyncpg

from chassis.run import working
from chassis.runtime import open_runtime
from chassis.settings import Auth, Settings, Work
from credit_svc.service import SERVICE
from engine.database import Database
from engine.roles import READER


async def work(name: str, customer: str, credit: str) -> None:
    """Race for what is due."""
    own = await Database.open(credit)
    named = await asyncpg.create_pool(
        credit, min_size=1, max_size=6, server_settings={**own.settings, "application_name": name}
    )
    databases = {"customer": await Database.open(customer, role=READER), "credit": replace(own, pool=named)}
    settings = Settings(auth=Auth(development=True), work=Work(member=name))
    runtime = await open_runtime(SERVICE, settings, databases)
    async with working([runtime], ["timers"]):
        sys.stdout.write("at work\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
