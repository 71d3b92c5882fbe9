"""The only write path: load, fold, decide, append. A lost race is decided again on the new state."""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from time import monotonic
from typing import Any
from uuid import UUID

from engine import clock, meters
from engine.cache import Folded, StateCache
from engine.database import Connection, Database
from engine.decider import Actor, Command, Decider, Facts, Ref, StaleFacts, States
from engine.ports import Conflict, StoreFailed, Verdict
from engine.runs import KEY_REUSED, Asked, Planned, Run, WrongVersion, answered, plan
from engine.snapshots import Snapshots, keeps_personal
from engine.store import PostgresStore
from engine.tracing import TRACES, Span, Tracer
from engine.turns import Turn, Turns
from events.envelope import Origin

__all__ = ["KEY_REUSED", "Asked", "FactsLoader", "Handler", "each"]

FactsLoader = Callable[[Sequence[Any], Sequence[Any], Connection], Awaitable[Sequence[Facts]]]
"""(commands, the facts each has without it, connection over the service's views) -> the service's own facts of each.

Asked once for all commands of an append that need it, in their order.
"""
PATIENCE = 10.0
"""Seconds a command is decided again after lost races or stale facts, before Conflict is raised."""
LEAST_TRIES = 10
"""Tries before Conflict, however long they took: on a busy machine one alone may take longer than PATIENCE."""
FOLDED = 200
"""Commands on common streams that are folded into one append at most; between as many others get a turn."""
LOADED = 1_000
"""Commands that share no stream in one append at most."""


class Handler:
    """Decides the commands of one service.

    Commands on the same streams are decided one after the other in this process, those that wait together in one
    append; against other processes the expected versions of the append decide, of refusals too, so that none is ever
    answered from an old state.
    """

    def __init__(
        self,
        store: PostgresStore,
        deciders: Sequence[Decider[Any]],
        loaders: Mapping[type[Command], FactsLoader],
        database: Database,
        today: Callable[[], Awaitable[date]],
        *,
        cache: StateCache | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        self.store, self.cache = store, StateCache() if cache is None else cache
        self.snapshots = snapshots or Snapshots(database.pool)
        self._deciders = {command: decider for decider in deciders for command in decider.commands}
        self._loaders, self._database, self._today = loaders, database, today
        self._turns = Turns()
        self.outcomes: Counter[str] = Counter()
        """What became of the commands of this process, counted."""

    async def handle(self, asked: Asked) -> Verdict:
        """Decide one command and store what it comes to; a refusal is a verdict, too.

        Raises Conflict where `asked.expected` does not hold (or every race was lost for 10 s), StoreFailed.
        """
        (verdict,) = await self.handle_many([asked])
        return verdict

    async def handle_many(self, asked: Sequence[Asked]) -> list[Verdict]:
        """Decide commands, those on common streams in the given order and in one append, the others at once.

        Raises as `handle` does; those of other streams are decided nevertheless.
        """
        verdicts: list[Verdict] = []
        for found in await self.handle_each(asked):
            if isinstance(found, BaseException):
                raise found
            verdicts.append(found)
        return verdicts

    async def handle_each(self, asked: Sequence[Asked]) -> list[Verdict | BaseException]:
        """As `handle_many`; where a command could not be decided its error stands in place of the verdict.

        Commands that share no stream go together into appends of up to LOADED. Where one of them spoils that, those of
        each stream are decided by themselves: nobody fails for another.
        """
        found = await (self._handled(asked) if TRACES.tracer is None else self._followed(asked, TRACES.tracer))
        meters.count(self.outcomes, found)
        return found

    async def _followed(self, asked: Sequence[Asked], tracer: Tracer) -> list[Verdict | BaseException]:
        """As `_handled`; each command has a span, which its events and all that follows from them name."""
        spans = [_span(tracer, a) for a in asked]
        metas = [a.meta._replace(traceparent=span.traceparent) for a, span in zip(asked, spans, strict=True)]
        found: list[Verdict | BaseException] = []
        try:
            found = await self._handled([replace(a, meta=meta) for a, meta in zip(asked, metas, strict=True)])
            return found
        finally:
            for n, span in enumerate(spans):
                span.end(_became(found[n]) if found else {"kehu.outcome": "failed"})

    async def _handled(self, asked: Sequence[Asked]) -> list[Verdict | BaseException]:
        first = {a.id: a for a in reversed(asked)}
        todo = list({a.id: first[a.id] for a in asked}.values())
        loads = packed(grouped(await self._plan(todo)), LOADED, FOLDED)
        found: dict[UUID, Verdict | BaseException] = {}
        for done in await asyncio.gather(*(self._decide_load(load) for load in loads)):
            found |= done
        return [found[a.id] if first[a.id] is a else _again(found[a.id], a) for a in asked]

    async def states(self, refs: Sequence[Ref[Any]]) -> States:
        """The present states of `refs`, for an answer that changes nothing."""
        return States({stream: folded.state for stream, folded in (await self._load(refs, fresh=True)).items()})

    async def streams(self, asked: Asked) -> Sequence[str]:
        """The streams a command names."""
        (planned,) = await self._plan([asked])
        return [ref.stream for ref in planned.refs]

    async def close(self) -> None:
        """Wait for snapshots that are being written."""
        await self.snapshots.settled()

    async def _plan(self, asked: Sequence[Asked]) -> list[Planned]:
        """Commands with their streams; those whose facts are candidates without having asked for them."""
        today, now = await self._today(), clock.now()
        base: dict[tuple[Actor, Origin, date | None], Facts] = {}
        begun: list[Planned] = []
        for one in asked:
            about = one.actor, one.meta.origin, one.opened
            if about not in base:
                base[about] = Facts(max(today, one.opened or today), now, one.actor, one.meta.origin == "initial_load")
            begun.append(self._begun(one, base[about]))
        return await self._informed(begun, [n for n, p in enumerate(begun) if p.asks and not p.decider.candidates])

    def _begun(self, asked: Asked, facts: Facts) -> Planned:
        decider, asks = self._deciders[type(asked.command)], type(asked.command) in self._loaders
        if decider.candidates is not None:
            return plan(asked, decider, decider.candidates.unasked(facts), asks=asks)
        return Planned(asked, decider, facts, (), asks) if asks else plan(asked, decider, facts)

    async def _informed(self, planned: Sequence[Planned], numbers: Sequence[int]) -> list[Planned]:
        """`planned`, those of these numbers with the facts their loaders give."""
        found, of_loader = list(planned), dict[FactsLoader, list[int]]()
        for n in numbers:
            of_loader.setdefault(self._loaders[type(planned[n].asked.command)], []).append(n)
        if not of_loader:
            return found
        async with self._database.engine.connect() as connection:
            for load, mine in of_loader.items():
                commands, base = [planned[n].asked.command for n in mine], [planned[n].facts for n in mine]
                for n, facts in zip(mine, await load(commands, base, connection), strict=True):
                    found[n] = plan(planned[n].asked, planned[n].decider, facts)
        return found

    async def _decide_load(self, groups: Sequence[Sequence[Planned]]) -> dict[UUID, Verdict | BaseException]:
        """What became of each command of `groups`, which share no stream."""
        found: dict[UUID, Verdict | BaseException] = {}
        if len(groups) > 1:
            turn = await self._decide_at_once(groups)
            if turn.failed:
                return dict.fromkeys((p.asked.id for p in turn.planned), turn.failed)
            found |= {v.command: v for v in turn.made}
        left = [rest for group in groups if (rest := [p for p in group if p.asked.id not in found])]
        done = await asyncio.gather(*(self._decide(group) for group in left), return_exceptions=True)
        for group, made in zip(left, done, strict=True):
            if isinstance(made, BaseException):
                found |= dict.fromkeys((p.asked.id for p in group), made)
            else:
                found |= {v.command: v for v in made}
        return found

    async def _decide_at_once(self, groups: Sequence[Sequence[Planned]]) -> Turn:
        """All of them in one append; the turn has no verdicts where that did not come about."""
        turn = Turn([p for group in groups for p in group])
        async with self._turns.wait(turn):
            if not turn.taken:
                with contextlib.suppress(Exception):  # whose it is shows when each group is decided by itself
                    await self._lead(turn)
        return turn

    async def _decide(self, planned: Sequence[Planned]) -> list[Verdict]:
        """Decide commands that share streams, in order."""
        verdicts: list[Verdict] = []
        deadline, attempt, alone = monotonic() + PATIENCE, 0, False
        while planned:
            turn = Turn(planned[:FOLDED], attempt > 0, alone)
            async with self._turns.wait(turn):
                if not turn.taken:
                    await self._lead(turn)
            if turn.failed:
                raise type(turn.failed)(*turn.failed.args) from turn.failed
            verdicts += turn.made
            planned, alone = planned[len(turn.made) :], turn.alone
            if turn.made:
                deadline, attempt = monotonic() + PATIENCE, 0
            else:
                attempt += 1
                await _pause(attempt, deadline)
            if planned:
                planned = await self._plan([p.asked for p in planned])
        return verdicts

    async def _lead(self, turn: Turn) -> None:
        """Decide `turn`, and with it those who wait for its streams: one append for all of them."""
        joined = self._turns.join(turn, FOLDED)
        everyone = [turn, *joined]
        try:
            made = await self._attempt([p for t in everyone for p in t.planned], any(t.fresh for t in everyone))
        except Exception as error:
            if isinstance(error, StoreFailed) and error.__cause__ is None:  # the database is away: for all alike
                for one in everyone:
                    one.failed = error
                return
            for one in everyone:
                one.alone = True  # one of them is bad: each by itself
            if not joined:
                raise
            made = await self._attempt(turn.planned, turn.fresh)
        for one in everyone:
            one.made, made = made[: len(one.planned)], made[len(one.planned) :]

    async def _attempt(self, planned: Sequence[Planned], fresh: bool) -> list[Verdict]:
        """The verdicts of the first of `planned`: of none where a race was lost or facts were stale."""
        run = Run(await self._load([ref for p in planned for ref in p.refs], fresh))
        try:
            await self._fill(run, planned, fresh)
        except (StaleFacts, WrongVersion) as stop:
            if not len(run):
                return await self._stopped(planned[0].asked, stop, fresh)
        try:
            appended = await self.store.append(run.append())
        except Conflict:
            return []
        if appended.repeated is not None:
            return await self._repeated(planned[: len(run)])
        self._keep(run)
        return run.verdicts(appended)

    async def _fill(self, run: Run, planned: Sequence[Planned], fresh: bool) -> None:
        """Decide `planned` in `run`; where one needs candidates, views are asked for all that are left."""
        left = list(planned)
        for n in range(len(left)):
            if n and n % FOLDED == 0:
                await asyncio.sleep(0)
            try:
                run.decide(left[n])
            except StaleFacts:
                if not left[n].asks:
                    raise
                left = await self._informed(left, [m for m in range(n, len(left)) if left[m].asks])
                more = {ref.stream: ref for one in left[n:] for ref in one.refs if ref.stream not in run.folded}
                run.load(await self._load(list(more.values()), fresh))
                run.decide(left[n])

    async def _stopped(self, asked: Asked, stop: Exception, fresh: bool) -> list[Verdict]:
        if isinstance(stop, WrongVersion) and fresh:
            stored = await self.store.verdict(asked.id)
            if stored is None:
                raise Conflict(f"not at version {asked.expected}")
            return [answered(stored, asked.digest())]
        return []

    async def _repeated(self, planned: Sequence[Planned]) -> list[Verdict]:
        """Some of the commands were decided before, perhaps by another process: those that come first are answered.

        Where the first was not, those up to the first that was are decided.
        """
        stored = await self.store.verdicts([p.asked.id for p in planned])
        for one in planned:
            self._forget(one.refs)
        known = [p.asked.id in stored for p in planned]
        if not known[0]:
            return await self._attempt(planned[: known.index(True) if any(known) else 1], fresh=True)
        upto = known.index(False) if not all(known) else len(known)
        return [answered(stored[p.asked.id], p.asked.digest()) for p in planned[:upto]]

    async def _load(self, refs: Sequence[Ref[Any]], fresh: bool) -> dict[str, Folded]:
        """States from memory where it has them; `fresh` reads on from there, and anew where the store is older."""
        named = {ref.stream: ref for ref in refs}
        held = {stream: folded for stream in named if (folded := self.cache.get(stream))}
        if fresh:
            present = await self.store.versions(list(held))
            held = {stream: folded for stream, folded in held.items() if folded.version <= present[stream]}
        missing = [ref for stream, ref in named.items() if stream not in held]
        base = held | (await self.snapshots.load(missing) if missing else {})
        reading = named if fresh else {ref.stream: ref for ref in missing}
        if not reading:
            return base
        after = {stream: base[stream].version if stream in base else 0 for stream in reading}
        for stream, events in (await self.store.read_streams(after)).items():
            ref, start = named[stream], base.get(stream, Folded(0, named[stream].aggregate.initial))
            state = ref.aggregate.fold((e.event for e in events), start.state)
            base[stream] = Folded(start.version + len(events), state)
            if base[stream].version:  # what is yet to begin is kept once it has, among those that just began
                self._keep_one(ref, start.version, base[stream])
        return base

    def _keep(self, run: Run) -> None:
        for stream, ref in run.refs.items():
            before, now = run.loaded_at(stream), run.folded[stream]
            if now.version > before:
                self._keep_one(ref, before, now, begun=before == 0)

    def _keep_one(self, ref: Ref[Any], before: int, folded: Folded, *, begun: bool = False) -> None:
        if not keeps_personal(ref.aggregate):
            self.cache.put(ref.stream, folded, begun=begun)
            self.snapshots.passed(ref, before, folded)

    def _forget(self, refs: Sequence[Ref[Any]]) -> None:
        for ref in refs:
            self.cache.drop(ref.stream)


def grouped(planned: Sequence[Planned]) -> list[list[Planned]]:
    """Commands that share a stream, directly or through others, in one group and in their order."""
    group_of: dict[str, list[int]] = {}
    groups: list[list[int]] = []
    for number, one in enumerate(planned):
        touched = {id(g): g for ref in one.refs if (g := group_of.get(ref.stream))}.values()
        group: list[int] = max(touched, key=len, default=[])
        for other in touched:
            if other is not group:
                group += other
                for n in other:
                    groups[n] = group
                    group_of |= {ref.stream: group for ref in planned[n].refs}
        group.append(number)
        groups.append(group)
        group_of |= {ref.stream: group for ref in one.refs}
    return [[planned[n] for n in sorted(group)] for group in {id(group): group for group in groups}.values()]


def packed(groups: Sequence[Sequence[Planned]], most: int, alone: int) -> list[list[Sequence[Planned]]]:
    """Groups in their order, as many together as come to `most` commands; those of more than `alone` by themselves."""
    loads: list[list[Sequence[Planned]]] = [[group] for group in groups if len(group) > alone]
    room = 0
    for group in [group for group in groups if len(group) <= alone]:
        if len(group) > room:
            loads.append([])
            room = most
        loads[-1].append(group)
        room -= len(group)
    return loads


def _again(found: Verdict | BaseException, asked: Asked) -> Verdict | BaseException:
    """The answer to a command whose id stood before in the same call."""
    return answered(found, asked.digest()) if isinstance(found, Verdict) else found


def _span(tracer: Tracer, asked: Asked) -> Span:
    kind = type(asked.command)
    about = {"kehu.command": kind.__name__, "kehu.service": kind.__module__.partition("_svc")[0]}
    return tracer.begin(f"decide {kind.__name__}", asked.meta.traceparent, about, "internal")


def _became(found: Verdict | BaseException) -> dict[str, str]:
    rule = {"kehu.rule": found.rule} if isinstance(found, Verdict) and found.rule else {}
    return {"kehu.outcome": meters.outcome(found), **rule}


def each(load: Callable[[Any, Any, Connection], Awaitable[Facts]]) -> FactsLoader:
    """The loader that asks `load` for one command after the other."""

    async def loaded(commands: Sequence[Any], base: Sequence[Any], views: Connection) -> Sequence[Facts]:
        return [await load(command, facts, views) for command, facts in zip(commands, base, strict=True)]

    return loaded


async def _pause(attempt: int, deadline: float) -> None:
    """Longer after each lost race, and never the same for two who race."""
    if monotonic() > deadline and attempt >= LEAST_TRIES:
        raise Conflict("every race on these streams was lost; try again")
    most = min(2**attempt, 100)
    await asyncio.sleep((most / 2 + secrets.randbelow(most * 1000) / 2000) / 1000)
