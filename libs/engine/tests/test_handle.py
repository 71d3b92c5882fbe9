"""Commands become events or refusals, once each, on the newest state, whoever else is at work."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import asyncpg
import pytest
from handle_world import (
    ACCOUNT,
    GROUP,
    LIMIT,
    RESERVE,
    TODAY,
    Account,
    Known,
    Reserve,
    asked,
    changed,
    evolve,
    outcomes,
    today,
    used,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine import ids
from engine.cache import Folded, StateCache
from engine.database import Database
from engine.decider import Aggregate, Decider, Decision, Facts, States
from engine.handle import KEY_REUSED, Handler, each, packed
from engine.ports import Append, Appended, Conflict, StoreFailed, Verdict
from engine.serde import Serde
from engine.snapshots import Snapshots
from engine.store import PostgresStore
from engine.testing.store_suite import append


async def test_a_command_becomes_events_with_who_and_why(handler: Handler, store: PostgresStore) -> None:
    verdict = await handler.handle(asked("one"))
    assert (verdict.outcome, verdict.streams, verdict.positions) == ("accepted", {"account-C1": 1}, (1, 1))
    (stored,) = await store.read_stream("account-C1")
    assert (stored.actor, stored.correlation, stored.effective) == ("lin", ids.named("request", "one"), TODAY)


async def test_a_refusal_is_an_answer_that_is_kept(handler: Handler, store: PostgresStore) -> None:
    verdict = await handler.handle(asked("much", 101))
    assert (verdict.outcome, verdict.rule) == ("rejected", "over-limit")
    assert verdict.params == {"amount": "1", "limit": "100", "on": "2026-03-01"}
    again = await handler.handle(asked("much", 101))
    assert again == replace(verdict, repeated=True)
    assert await store.head() == 0


async def test_nothing_to_do_is_an_answer_that_is_kept(handler: Handler, store: PostgresStore) -> None:
    assert (await handler.handle(asked("none", 0))).outcome == "nothing"
    assert (await handler.handle(asked("none", 0))).repeated
    assert await store.head() == 0


async def test_the_same_command_id_decides_once(handler: Handler, another: Handler, store: PostgresStore) -> None:
    verdicts = await asyncio.gather(*(h.handle(asked("one")) for h in (handler, another) for _ in range(5)))
    assert sum(not v.repeated for v in verdicts) == 1
    assert {(v.outcome, v.positions) for v in verdicts} == {("accepted", (1, 1))}
    assert await store.head() == 1


async def test_the_same_command_id_with_another_command_is_refused(handler: Handler) -> None:
    await handler.handle(asked("one"))
    refused = await handler.handle(asked("one", 11))
    assert (refused.outcome, refused.rule, refused.params) == ("rejected", KEY_REUSED, {})


async def test_a_limit_holds_however_many_ask_at_once(handler: Handler, another: Handler, store: PostgresStore) -> None:
    verdicts = await asyncio.gather(
        *(h.handle(asked(f"{n}-{i}")) for n, h in enumerate((handler, another)) for i in range(15))
    )
    assert outcomes(verdicts).count("accepted") == 10
    assert await used(store) == LIMIT


async def test_a_group_limit_holds_over_several_streams(
    handler: Handler, another: Handler, store: PostgresStore
) -> None:
    verdicts = await asyncio.gather(
        *(
            h.handle(asked(f"{n}-{i}", 20, f"C{i}", group="G"))
            for n, h in enumerate((handler, another))
            for i in range(5)
        )
    )
    assert outcomes(verdicts).count("accepted") == 5
    group = GROUP.fold(e.event for e in await store.read_stream("group-G"))
    assert group.used == LIMIT


async def test_a_refusal_is_never_given_from_an_old_state(handler: Handler, another: Handler) -> None:
    await handler.handle(asked("full", 100))
    await another.handle(asked("given back", -100))
    assert (await handler.handle(asked("next", 100))).outcome == "accepted"


async def test_nothing_to_do_is_never_said_from_an_old_state(service: Database, store: PostgresStore) -> None:
    @dataclass(frozen=True)
    class Open:
        closed: bool = False

    def toggle(command: Reserve, states: States, facts: Facts) -> Decision:
        return [] if states[door("C1")].closed else [(door("C1"), changed(command))]

    door = Aggregate("door", Open(), lambda s, e: Open(not s.closed))
    decider = Decider((Reserve,), lambda c, f: [door("C1")], toggle)
    here, there = (Handler(store, [decider], {}, service, today) for _ in range(2))
    assert (await here.handle(asked("close"))).outcome == "accepted"
    assert (await there.handle(asked("stays closed"))).outcome == "nothing"
    await store.append(append("door-C1"))  # opened by somebody else: the memory of `here` still says closed
    assert (await here.handle(asked("close again"))).outcome == "accepted"


async def test_if_match_holds_or_conflicts(handler: Handler, another: Handler) -> None:
    await handler.handle(asked("one", expected=0))
    await another.handle(asked("two", expected=1))
    with pytest.raises(Conflict):
        await handler.handle(asked("three", expected=1))
    assert (await handler.handle(asked("four", expected=2))).streams == {"account-C1": 3}
    assert (await handler.handle(asked("one", expected=0))).repeated


async def test_commands_on_one_stream_become_one_append_with_a_verdict_each(
    handler: Handler, store: PostgresStore
) -> None:
    commands = [asked(f"c{n}", 30) for n in range(5)] + [asked("other", 30, "C2"), asked("none", 0)]
    verdicts = await handler.handle_many(commands)
    assert outcomes(verdicts) == ["accepted"] * 3 + ["rejected"] * 2 + ["accepted", "nothing"]
    assert [v.command for v in verdicts] == [a.id for a in commands]
    assert [v.streams for v in verdicts[:3]] == [{"account-C1": n} for n in (1, 2, 3)]
    recorded = {e.recorded for e in await store.read_stream("account-C1")}
    assert len(recorded) == 1
    stored = {e.position: e.correlation for e in await store.read_all(0, 10)}
    for verdict, command in zip(verdicts, commands, strict=True):
        kept = await store.verdict(verdict.command)
        assert kept == replace(verdict, repeated=True)
        if verdict.positions:
            assert stored[verdict.positions[0]] == command.meta.correlation


async def test_commands_that_share_no_stream_become_one_append_with_a_verdict_each(
    handler: Handler, store: PostgresStore
) -> None:
    commands = [asked(f"c{n}", 30 * n, f"C{n}") for n in range(5)] + [asked("again", 50, "C1")]
    verdicts = await handler.handle_many(commands)
    assert outcomes(verdicts) == ["nothing", "accepted", "accepted", "accepted", "rejected", "accepted"]
    stored = await store.read_all(0, 10)
    assert len({e.recorded for e in stored}) == 1
    by_position = {e.position: e.correlation for e in stored}
    for verdict, command in zip(verdicts, commands, strict=True):
        assert await store.verdict(verdict.command) == replace(verdict, repeated=True)
        if verdict.positions:
            assert by_position[verdict.positions[0]] == command.meta.correlation


async def test_one_who_spoils_an_append_fails_nobody_he_was_sent_with(handler: Handler, store: PostgresStore) -> None:
    wrong, nul = asked("w", 1, "C3", expected=99), asked("nul", 1, "C\0")
    right = [asked(f"r{n}", 1, f"C{n}") for n in range(3)] + [asked("r3", 1, "C2")]
    found = await handler.handle_each([right[0], nul, right[1], wrong, *right[2:]])
    assert [getattr(f, "outcome", "") for f in found] == ["accepted", "", "accepted", "", "accepted", "accepted"]
    assert isinstance(found[3], Conflict)
    assert [await used(store, f"C{n}") for n in range(4)] == [1, 1, 2, 0]


async def test_a_stream_that_somebody_else_moved_spoils_no_append(
    handler: Handler, another: Handler, store: PostgresStore
) -> None:
    commands = [asked(f"a{n}", 60, f"C{n}") for n in range(4)]
    await handler.handle_many(commands)
    await another.handle(asked("moved", 30, "C2"))
    verdicts = await handler.handle_many([asked(f"b{n}", 40, f"C{n}") for n in range(4)])
    assert outcomes(verdicts) == ["accepted", "accepted", "rejected", "accepted"]
    assert [await used(store, f"C{n}") for n in range(4)] == [100, 100, 90, 100]


async def test_a_database_that_is_away_is_waited_for_once(service: Database) -> None:
    gone = PostgresStore(replace(service, url=service.url + "_gone"), Serde(), "kehu")
    patience = 0.3

    class Impatient(PostgresStore):
        async def append(self, append: Append, patience: float = patience) -> Appended:
            return await gone.append(append, patience)

    handler = Handler(Impatient(service, Serde(), "kehu"), [RESERVE], {}, service, today)
    began = monotonic()
    found = await handler.handle_each([asked(f"c{n}", 1, f"C{n}") for n in range(4)])
    assert [type(f) for f in found] == [StoreFailed] * 4
    assert monotonic() - began < patience * 2, "each waited for it again"
    await gone.close()


async def test_a_batch_with_known_commands_decides_only_the_new_ones(handler: Handler, store: PostgresStore) -> None:
    await handler.handle_many([asked("a", 30), asked("c", 30)])
    verdicts = await handler.handle_many([asked(n, 30) for n in ("x", "a", "b", "c", "a")])
    assert [v.repeated for v in verdicts] == [False, True, False, True, True]
    assert outcomes(verdicts) == ["accepted", "accepted", "rejected", "accepted", "accepted"]
    assert await used(store) == 90
    others = [asked("new", 30, "C0"), asked("a", 30), asked("more", 30, "C2")]
    verdicts = await handler.handle_many(others)
    assert [v.repeated for v in verdicts] == [False, True, False]


async def test_commands_that_share_a_stream_through_others_keep_their_order(
    handler: Handler, store: PostgresStore
) -> None:
    commands = [asked("a", 50, "C1"), asked("b", 50, "C2"), asked("c", 40, "C1", group="G"), asked("d", 20, "C1")]
    commands += [asked("e", 61, "C2", group="G")]
    assert outcomes(await handler.handle_many(commands)) == ["accepted"] * 3 + ["rejected"] * 2


async def test_facts_come_from_views_and_are_loaded_again_when_they_lag(
    store: PostgresStore, service: Database
) -> None:
    asked_for: list[int] = []

    async def load(command: Reserve, facts: Facts, views: AsyncConnection) -> Facts:
        assert (await views.execute(text("select 1"))).scalar_one() == 1
        asked_for.append(3 - len(asked_for))
        return Known(facts.today, facts.now, facts.actor, lag=asked_for[-1])

    handler = Handler(store, [RESERVE], {Reserve: each(load)}, service, today)
    assert (await handler.handle(asked("one"))).outcome == "accepted"
    assert asked_for == [3, 2, 1, 0]


async def test_an_initial_load_skips_checks_and_asserts_recorded_times(handler: Handler, store: PostgresStore) -> None:
    long_ago = datetime(2005, 1, 1, tzinfo=UTC)
    command = asked("old", 1000)
    meta = command.meta._replace(origin="initial_load", asserted_recorded=long_ago)
    assert (await handler.handle(replace(command, meta=meta))).outcome == "accepted"
    (stored,) = await store.read_stream("account-C1")
    assert (stored.origin, stored.recorded) == ("initial_load", long_ago)


async def test_a_long_stream_is_loaded_from_its_snapshot(handler: Handler, service: Database) -> None:
    await handler.handle_many([asked(f"c{n}", n % 2 * 2 - 1) for n in range(450)])
    await handler.handle_many([asked("last", 5)])
    await handler.close()
    row = await service.pool.fetchrow("select ver, state from snapshots where stream = 'account-C1'")
    assert row is not None
    assert row["ver"] >= 400
    reads: list[int] = []

    class Counting(PostgresStore):
        async def read_streams(self, after: Any) -> Any:
            reads.extend(after.values())
            return await super().read_streams(after)

    counting = Counting(service, Serde(), "kehu")
    cold = Handler(counting, [RESERVE], {}, service, today)
    assert (await cold.handle(asked("over", 96))).outcome == "rejected"
    assert (await cold.handle(asked("under", 94))).outcome == "accepted"
    assert reads == [row["ver"]]
    await counting.close()


async def test_a_snapshot_of_another_fold_is_ignored(handler: Handler, service: Database) -> None:
    await handler.handle_many([asked(f"c{n}", 0 if n % 2 else 1) for n in range(100)] + [asked("x", -100)])
    snapshots = Snapshots(service.pool, every=1)
    folded = handler.cache.get("account-C1")
    assert folded is not None
    snapshots.passed(ACCOUNT("C1"), 0, folded)
    await snapshots.settled()
    assert (await snapshots.load([ACCOUNT("C1")]))["account-C1"] == folded
    newer = Aggregate("account", Account(), evolve, fold_version=2)
    assert await snapshots.load([newer("C1")]) == {}


async def test_after_a_restore_to_an_older_state_memory_is_not_believed(
    handler: Handler, service: Database, store: PostgresStore
) -> None:
    await handler.handle(asked("one", 100))
    restoring = await asyncpg.connect(service.url)
    await restoring.execute("set session_replication_role = replica")
    await restoring.execute("delete from events")
    await restoring.close()
    assert (await handler.handle(asked("two", 100))).outcome == "accepted"
    assert await used(store) == 100


def test_memory_is_bounded_and_never_goes_back() -> None:
    cache = StateCache(size=2)
    cache.put("a", Folded(2, "new"))
    cache.put("a", Folded(1, "old"))
    assert cache.get("a") == Folded(2, "new")
    cache.put("b", Folded(1, ""))
    cache.get("a")
    cache.put("c", Folded(1, ""))
    assert (cache.get("b"), len(cache)) == (None, 2)
    cache.drop("a")
    assert cache.get("a") is None
    cache.clear()
    assert len(cache) == 0


def test_streams_that_have_just_begun_push_out_nothing_that_is_used() -> None:
    cache = StateCache(size=2, begun=2)
    cache.put("exposure", Folded(40, "long"))
    for n in range(5):
        cache.put(f"invoice-{n}", Folded(1, "new"), begun=True)
    assert cache.get("exposure") == Folded(40, "long")
    assert [cache.get(f"invoice-{n}") is not None for n in range(5)] == [False, False, False, True, True]
    cache.put("invoice-4", Folded(2, "paid"))
    cache.put("invoice-5", Folded(1, "new"), begun=True)
    cache.put("invoice-6", Folded(1, "new"), begun=True)
    assert (cache.get("invoice-4"), len(cache)) == (Folded(2, "paid"), 4)
    cache.drop("invoice-6")
    assert cache.get("invoice-6") is None


async def test_a_load_of_new_streams_pushed_out_what_each_of_them_needed(
    store: PostgresStore, service: Database
) -> None:
    cache = StateCache(size=2, begun=2)
    handler = Handler(store, [RESERVE], {}, service, today, cache=cache)
    for name in ("one", "two"):
        await handler.handle(asked(name, customer="C1"))
    for n in range(4):
        await handler.handle(asked(f"new {n}", customer=f"N{n}"))
    held = cache.get("account-C1")
    assert held is not None
    assert held.version == 2
    await handler.close()


async def test_those_who_wait_for_one_stream_share_an_append(handler: Handler, store: PostgresStore) -> None:
    commands = [asked(f"c{n}", 1, f"C{n}", group="G") for n in range(20)]
    verdicts = await asyncio.gather(*(handler.handle(command) for command in commands))
    assert outcomes(verdicts) == ["accepted"] * 20
    assert [v.command for v in verdicts] == [a.id for a in commands]
    stored = await store.read_all(0, 100)
    assert len({e.recorded for e in stored}) < 5, "each was committed by itself"
    by_position = {e.position: e.correlation for e in stored}
    for verdict, command in zip(verdicts, commands, strict=True):
        assert verdict.positions is not None
        assert {by_position[p] for p in verdict.positions} == {command.meta.correlation}
        assert await store.verdict(verdict.command) == replace(verdict, repeated=True)


async def test_one_who_cannot_be_decided_does_not_fail_those_he_waits_with(handler: Handler) -> None:
    wrong, nul = [asked(f"w{n}", 1, group="G", expected=99) for n in range(3)], asked("nul", 1, "C\0", group="G")
    right = [asked(f"r{n}", 1, f"C{n}", group="G") for n in range(6)]
    mixed = [right[0], wrong[0], nul, *right[1:4], *wrong[1:], *right[4:]]
    done = await asyncio.gather(*(handler.handle(command) for command in mixed), return_exceptions=True)
    failed = {a.id: d for a, d in zip(mixed, done, strict=True) if isinstance(d, BaseException)}
    assert failed.keys() == {a.id for a in [*wrong, nul]}
    assert not isinstance(failed[nul.id], Conflict)
    assert all(isinstance(failed[a.id], Conflict) for a in wrong)


async def test_one_who_goes_away_takes_nobody_with_him(handler: Handler, store: PostgresStore) -> None:
    tasks = [asyncio.create_task(handler.handle(asked(f"c{n}", 1, f"C{n}", group="G"))) for n in range(12)]
    await asyncio.sleep(0.002)
    for task in tasks[::3]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(d, Verdict) for n, d in enumerate(done) if n % 3)
    assert not handler._turns._queues
    assert not handler._turns._waiting
    log = [e.version for e in await store.read_stream("group-G")]
    assert log == list(range(1, len(log) + 1))


def test_commands_of_many_streams_go_together_and_many_of_one_stream_by_themselves() -> None:
    groups: list[Any] = [[1] * 3, [2] * 40, [3] * 30, [4] * 201, [5] * 30]
    loads = packed(groups, 100, 200)
    assert [[len(group) for group in load] for load in loads] == [[201], [3, 40, 30], [30]]
