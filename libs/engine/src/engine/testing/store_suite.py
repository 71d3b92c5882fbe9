"""What every store promises (`engine.ports.Store`): run it on each implementation.

class TestPostgresStore(StoreSuite): ...    # with a fixture `store`
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from engine import ids
from engine.ports import Append, Appended, Conflict, Meta, NewEvent, Store, StoreFailed, Verdict
from events.base import Event
from events.credit import RiskClassSet

DAY = date(2026, 3, 1)


def fact(customer: str = "C1", reason: str = "reviewed") -> Event:
    """An event about `customer`; a reason with a NUL in it is one PostgreSQL cannot store."""
    return RiskClassSet(customer=customer, risk_class="CA1", previous="CA3", reason=reason, valid_from=DAY)


def append(
    streams: Mapping[str, int] | str,
    *,
    expected: Mapping[str, int] | None = None,
    verdicts: Sequence[Verdict] = (),
    reason: str = "reviewed",
    recorded: datetime | None = None,
) -> Append:
    """`streams`: how many events go into each."""
    counts = {streams: 1} if isinstance(streams, str) else streams
    events = [NewEvent(s, fact(s, reason), DAY) for s, n in counts.items() for _ in range(n)]
    meta = Meta("lin", ids.named("correlation"), asserted_recorded=recorded)
    return Append(expected or {}, events, meta, verdicts)


def verdict(name: str, outcome: Any = "accepted", **more: Any) -> Verdict:
    """The verdict on the command `name`."""
    return Verdict(ids.named(name), outcome, name.encode(), **more)


async def outcomes(store: Store, appends: Sequence[Append]) -> list[Appended | BaseException]:
    """What became of appends made at once."""
    return await asyncio.gather(*(store.append(a) for a in appends), return_exceptions=True)


async def positions(store: Store) -> list[tuple[int, str, int]]:
    """(position, stream, version) of everything stored."""
    return [(e.position, e.stream, e.version) for e in await store.read_all(0, 10_000)]


class StoreSuite:
    """The promises that concern appends, verdicts and reads."""

    async def test_what_was_appended_is_read_back(self, store: Store) -> None:
        done = await store.append(append({"a": 2}, expected={"a": 0}))
        first, second = await store.read_stream("a")
        assert (done.first, done.last) == (first.position, second.position) == (1, 2)
        assert (first.version, second.version) == (1, 2)
        assert first.event == fact("a")
        assert first.type == "credit.RiskClassSet"
        assert first.customer == "a"
        assert first.part == ids.part_of("a")
        assert first.effective == DAY
        assert first.recorded == done.recorded
        assert (first.actor, first.correlation, first.origin) == ("lin", ids.named("correlation"), "live")
        assert [e.version for e in await store.read_stream("a", after=1)] == [2]

    async def test_an_empty_store_has_nothing(self, store: Store) -> None:
        assert await store.head() == 0
        assert await store.read_all(0, 10) == []
        assert await store.read_stream("a") == []
        assert dict(await store.versions(["a"])) == {"a": 0}
        assert await store.verdict(ids.named("x")) is None

    async def test_without_an_expected_version_a_stream_goes_on(self, store: Store) -> None:
        for count in (1, 2, 1):
            await store.append(append({"a": count}))
        assert [e.version for e in await store.read_stream("a")] == [1, 2, 3, 4]

    @pytest.mark.parametrize("expected", [1, 3, 99])
    async def test_another_version_than_expected_is_a_conflict(self, store: Store, expected: int) -> None:
        await store.append(append({"a": 2}, expected={"a": 0}))
        with pytest.raises(Conflict):
            await store.append(append("a", expected={"a": expected}))
        assert await store.head() == 2

    async def test_a_new_stream_is_expected_at_version_0(self, store: Store) -> None:
        with pytest.raises(Conflict):
            await store.append(append("a", expected={"a": 1}))
        await store.append(append("a", expected={"a": 0}))
        with pytest.raises(Conflict):
            await store.append(append("a", expected={"a": 0}))

    async def test_of_many_on_the_same_version_exactly_one_wins(self, store: Store) -> None:
        results = await outcomes(store, [append("a", expected={"a": 0}) for _ in range(20)])
        assert sum(isinstance(r, Appended) for r in results) == 1
        assert sum(isinstance(r, Conflict) for r in results) == 19

    async def test_positions_have_no_gaps_and_streams_no_jumps(self, store: Store) -> None:
        wanted = [append({f"s{n % 7}": 1 + n % 3}, expected={"s0": 99} if n % 5 == 0 else None) for n in range(100)]
        await outcomes(store, wanted)
        stored = await positions(store)
        assert [p for p, _, _ in stored] == list(range(1, len(stored) + 1))
        for name in {s for _, s, _ in stored}:
            assert [v for _, s, v in stored if s == name] == list(range(1, 1 + sum(s == name for _, s, _ in stored)))

    async def test_an_append_over_several_streams_is_all_or_nothing(self, store: Store) -> None:
        await store.append(append("b"))
        with pytest.raises(Conflict):
            await store.append(append({"a": 1, "b": 1}, expected={"a": 0, "b": 0}))
        assert await store.read_stream("a") == []
        await store.append(append({"a": 1, "b": 2}, expected={"a": 0, "b": 1}))
        assert dict(await store.versions(["a", "b", "c"])) == {"a": 1, "b": 3, "c": 0}

    async def test_a_stream_that_is_only_checked_must_hold_too(self, store: Store) -> None:
        await store.append(append("limit"))
        with pytest.raises(Conflict):
            await store.append(append("a", expected={"a": 0, "limit": 0}))
        await store.append(append("a", expected={"a": 0, "limit": 1}))
        assert dict(await store.versions(["a", "limit"])) == {"a": 1, "limit": 1}

    async def test_of_a_writer_and_a_checker_at_once_both_may_win_in_one_order_only(self, store: Store) -> None:
        for n in range(10):
            name = f"s{n}"
            checker = append(f"other{n}", expected={name: 0})
            writer = append(name, expected={name: 0})
            await outcomes(store, [checker, writer, checker])
            log = [s for _, s, _ in await positions(store) if s in (name, f"other{n}")]
            assert log.index(name) == len(log) - 1, "a checker passed after the stream had moved"

    async def test_a_repeated_command_stores_nothing_and_gets_the_verdict(self, store: Store) -> None:
        first = await store.append(append({"a": 2}, verdicts=[verdict("pay", streams={"a": 2})]))
        again = await store.append(append({"a": 2}, verdicts=[verdict("pay", streams={"a": 2})]))
        assert first.repeated is None
        assert again.repeated is not None
        assert again.repeated.positions == (first.first, first.last)
        assert again.repeated.streams == {"a": 2}
        assert again.repeated.digest == b"pay"
        assert await store.head() == 2
        assert await store.verdict(ids.named("pay")) == again.repeated

    async def test_a_repetition_is_answered_even_where_the_version_moved_on(self, store: Store) -> None:
        await store.append(append("a", expected={"a": 0}, verdicts=[verdict("pay")]))
        again = await store.append(append("a", expected={"a": 0}, verdicts=[verdict("pay")]))
        assert again.repeated is not None

    async def test_a_command_sent_many_times_at_once_is_stored_once(self, store: Store) -> None:
        results = await outcomes(store, [append(f"s{n}", verdicts=[verdict("pay")]) for n in range(20)])
        assert sum(isinstance(r, Appended) and r.repeated is None for r in results) == 1
        assert await store.head() == 1

    async def test_a_refusal_is_kept_without_events(self, store: Store) -> None:
        refusal = verdict("pay", "rejected", rule="over-allocation", params={"open": "12.30"})
        await store.append(append({}, verdicts=[refusal]))
        kept = await store.verdict(ids.named("pay"))
        assert kept is not None
        assert (kept.outcome, kept.rule, kept.params, kept.positions) == (
            "rejected", "over-allocation", {"open": "12.30"}, None,
        )  # fmt: skip
        again = await store.append(append("a", verdicts=[verdict("pay")]))
        assert again.repeated == kept
        assert await store.head() == 0

    async def test_several_verdicts_of_one_append_have_their_own_positions(self, store: Store) -> None:
        await store.append(append("x"))
        made = [
            verdict("one", positions=(1, 2)),
            verdict("none", "nothing"),
            verdict("two", positions=(3, 3)),
        ]
        await store.append(append({"a": 3}, verdicts=made))
        kept = [await store.verdict(v.command) for v in made]
        assert [k.positions for k in kept if k] == [(2, 3), None, (4, 4)]

    async def test_a_conflict_leaves_no_verdict(self, store: Store) -> None:
        with pytest.raises(Conflict):
            await store.append(append("a", expected={"a": 7}, verdicts=[verdict("pay")]))
        assert await store.verdict(ids.named("pay")) is None

    async def test_one_bad_event_does_not_fail_its_neighbours(self, store: Store) -> None:
        wanted = [append(f"s{n}", reason="bad \0 text" if n == 13 else "fine") for n in range(40)]
        results = await outcomes(store, wanted)
        assert [n for n, r in enumerate(results) if isinstance(r, StoreFailed)] == [13]
        assert await store.head() == 39
        assert len(await positions(store)) == 39

    async def test_events_are_read_by_type_and_by_topic(self, store: Store) -> None:
        await store.append(append({"a": 2}))
        assert len(await store.read_all(0, 10, types=["credit.RiskClassSet"])) == 2
        assert len(await store.read_all(1, 10, topic="credit")) == 1
        assert await store.read_all(0, 10, types=["credit.Allocated"]) == []
        assert await store.read_all(0, 10, topic="customer") == []
        assert len(await store.read_all(0, 1)) == 1

    async def test_an_initial_load_asserts_recorded_times_in_the_past_only(self, store: Store) -> None:
        past, future = datetime(2005, 6, 9, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
        assert_past = await store.append(append("a", recorded=past))
        await store.append(append("b", recorded=future))
        live = await store.append(append("c"))
        recorded = [e.recorded for e in await store.read_all(0, 10)]
        assert recorded[0] == past
        assert assert_past.recorded == past
        assert recorded[1] < future
        assert recorded[2] == live.recorded >= recorded[1]

    async def test_ids_are_unique(self, store: Store) -> None:
        await store.append(append({"a": 5, "b": 5}))
        found: set[UUID] = {e.id for e in await store.read_all(0, 100)}
        assert len(found) == 10

    async def test_a_kept_verdict_names_its_streams_in_the_order_of_the_command(self, store: Store) -> None:
        reached = {"zebra-1": 4, "b": 2, "account-1": 1}
        await store.append(append("b", verdicts=[verdict("pay", streams=reached)]))
        kept = await store.verdict(ids.named("pay"))
        assert kept is not None
        assert list((kept.streams or {}).items()) == list(reached.items())
