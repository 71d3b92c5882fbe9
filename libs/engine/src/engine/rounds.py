"""Commands that come one by one, decided together: those that arrive while others are being decided share a round.

At rest a command is a round of its own and waits for nobody; under load a round's reads and its append are shared.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from engine.ports import Verdict
from engine.runs import Asked

DecideEach = Callable[[Sequence[Asked]], Awaitable[Sequence[Verdict | BaseException]]]


class Rounds:
    """Asks `decide` for up to `most` commands at once, in at most `at_once` rounds at the same time."""

    def __init__(self, decide: DecideEach, *, most: int = 200, at_once: int = 3) -> None:
        self._decide, self._most, self._free = decide, most, at_once
        self._waiting: list[tuple[Asked, asyncio.Future[Verdict]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._begun = False
        """A round is about to take those who wait."""

    async def handle(self, asked: Asked) -> Verdict:
        """The verdict on one command; one that nobody waits for any more is decided all the same.

        Raises what `decide` has in place of the verdict.
        """
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        self._begin()
        return await answer

    async def close(self) -> None:
        """Wait for the rounds under way."""
        while self._running:
            await asyncio.wait(self._running)

    def _begin(self) -> None:
        if self._waiting and self._free and not self._begun:
            self._free, self._begun = self._free - 1, True
            task = asyncio.create_task(self._round(), name="round")
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._free += 1
        self._begin()

    async def _round(self) -> None:
        mine, self._waiting, self._begun = self._waiting[: self._most], self._waiting[self._most :], False
        self._begin()
        try:
            found = await self._decide([asked for asked, _ in mine])
        except BaseException as error:
            found = [error] * len(mine)
        for (_, answer), made in zip(mine, found, strict=True):
            if answer.done():
                continue
            if isinstance(made, BaseException):
                answer.set_exception(made)
            else:
                answer.set_result(made)
