"""`kehu` that kills itself while the intake is at the 7th batch: ``python -m tests.journeys.cut_import import ...``.

It ends as by `kill -9` from elsewhere, which on a busy machine may come when all is imported already.
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from all_in_one import importing, spool
from all_in_one.cli import app
from all_in_one.spool import Queued

LAST, SIZE = 7, 100
AT_WORK = 0.05
"""Seconds the intake is given for a part of the last batch; all of it does as well, or nothing."""
post = importing._post
batches = count(1)


async def cut(intake: importing.Intake, prefix: str, batch: Sequence[Queued]) -> Sequence[Mapping[str, Any]]:
    """Send the batch; the last one without waiting for the answer."""
    sending = asyncio.create_task(post(intake, prefix, batch))
    if next(batches) == LAST:
        await asyncio.wait({sending}, timeout=AT_WORK)
        os.kill(os.getpid(), signal.SIGKILL)
    return await sending


if __name__ == "__main__":
    importing._post, spool.AT_ONCE = cut, SIZE
    app()
