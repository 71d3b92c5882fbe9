"""Commands that come one by one share rounds under load; each is answered for itself."""

import asyncio
from collections.abc import Sequence

import pytest

from engine import ids
from engine.decider import Actor, Command
from engine.ports import Conflict, Meta, Verdict
from engine.rounds import Rounds
from engine.runs import Asked


class Nudge(Command):
    name: str


def asked(name: str) -> Asked:
    return Asked(Nudge(name=name), ids.named("nudge", name), Meta("test", ids.new()), Actor("test"))


class Deciding:
    """Decides when it is let; keeps which commands came together."""

    def __init__(self) -> None:
        self.rounds: list[list[str]] = []
        self.let = asyncio.Event()

    async def __call__(self, commands: Sequence[Asked]) -> list[Verdict | BaseException]:
        names = [c.command.name for c in commands if isinstance(c.command, Nudge)]
        self.rounds.append(names)
        await self.let.wait()
        if "broken" in names:
            raise ValueError("broken")
        return [
            Conflict("raced") if name == "raced" else Verdict(c.id, "accepted", b"")
            for name, c in zip(names, commands, strict=True)
        ]


async def begun(deciding: Deciding, rounds: int) -> None:
    while len(deciding.rounds) < rounds:  # noqa: ASYNC110 - a turn of the loop at a time
        await asyncio.sleep(0)


async def test_at_rest_a_command_waits_for_nobody() -> None:
    deciding = Deciding()
    deciding.let.set()
    rounds = Rounds(deciding)
    for name in "abc":
        assert (await rounds.handle(asked(name))).outcome == "accepted"
    assert deciding.rounds == [["a"], ["b"], ["c"]]


async def test_those_who_come_while_rounds_are_under_way_go_together_in_their_order() -> None:
    deciding = Deciding()
    rounds = Rounds(deciding, most=3, at_once=1)
    first = asyncio.create_task(rounds.handle(asked("first")))
    await begun(deciding, 1)
    others = [asyncio.create_task(rounds.handle(asked(name))) for name in "abcd"]
    await asyncio.sleep(0)
    deciding.let.set()
    verdicts = await asyncio.gather(first, *others)
    assert deciding.rounds == [["first"], ["a", "b", "c"], ["d"]]
    assert [v.command for v in verdicts] == [ids.named("nudge", name) for name in ("first", *"abcd")]


async def test_one_who_lost_a_race_loses_it_alone() -> None:
    deciding = Deciding()
    rounds = Rounds(deciding, at_once=1)
    tasks = [asyncio.create_task(rounds.handle(asked(name))) for name in ("first", "raced", "a")]
    await begun(deciding, 1)
    deciding.let.set()
    first, raced, a = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(raced, Conflict)
    assert isinstance(first, Verdict)
    assert isinstance(a, Verdict)


async def test_a_round_that_breaks_is_told_to_all_of_it_and_the_next_one_goes_on() -> None:
    deciding = Deciding()
    deciding.let.set()
    rounds = Rounds(deciding, at_once=1)
    with pytest.raises(ValueError, match="broken"):
        await rounds.handle(asked("broken"))
    assert (await rounds.handle(asked("a"))).outcome == "accepted"


async def test_a_command_that_nobody_waits_for_any_more_is_decided_all_the_same() -> None:
    deciding = Deciding()
    rounds = Rounds(deciding, at_once=1)
    gone = asyncio.create_task(rounds.handle(asked("gone")))
    await begun(deciding, 1)
    gone.cancel()
    waiting = asyncio.create_task(rounds.handle(asked("a")))
    deciding.let.set()
    assert (await waiting).outcome == "accepted"
    await rounds.close()
    assert deciding.rounds == [["gone"], ["a"]]
