"""Ids sort in the order they were drawn, named ones never change, parts are Kafka's."""

from datetime import UTC, datetime
from uuid import uuid5

import pytest

from engine import clock, ids


def test_drawn_ids_are_version_7_and_sort_in_order() -> None:
    drawn = [ids.new() for _ in range(10_000)]
    assert drawn == sorted(drawn)
    assert len(set(drawn)) == len(drawn)
    assert {(i.version, i.variant) for i in drawn} == {(7, "specified in RFC 4122")}
    assert abs((drawn[0].int >> 80) / 1000 - clock.now().timestamp()) < 10


def test_named_ids_are_the_same_for_ever() -> None:
    assert str(ids.named("timer", "invoice-1", 30)) == "16d6b705-6179-54fb-836e-ccde61de45a1"
    assert ids.named("a", "bc") != ids.named("ab", "c")
    assert ids.named("a") != ids.named("a", "")
    assert ids.named(1) == ids.named("1")
    assert all(ids.named(n) == uuid5(ids.NAMESPACE, f"{len(str(n))}:{n}") for n in range(1000))


@pytest.mark.parametrize(
    ("key", "hashed"),  # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(key: str, hashed: int) -> None:
    assert ids.murmur2(key.encode()) == hashed & 0xFFFFFFFF


def test_customers_spread_over_all_parts() -> None:
    counts = [0] * 12
    for n in range(12_000):
        counts[ids.part_of(f"C{n}")] += 1
    assert min(counts) > 800


def test_today_depends_on_the_time_zone_and_now_is_utc() -> None:
    assert clock.now().tzinfo is UTC
    ahead, behind = clock.today("Pacific/Kiritimati"), clock.today("Pacific/Niue")
    assert ahead > behind
    assert clock.today("UTC") in (datetime.now(UTC).date(), ahead, behind)  # noqa: TID251
