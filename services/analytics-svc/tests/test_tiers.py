"""ABC by cumulative share, VIP by rank, among all or within groups; against a naive reading."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from analytics_reading import tiers as reading
from analytics_stored import once
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics_svc.domain.figures import CutsNotRising
from analytics_svc.domain.tiers import Scheme, TieredGroup, Tiering, cuts_of, together
from analytics_svc.projections import tiers
from analytics_svc.projections.facts import Groups
from analytics_svc.projections.stored import PostgresRows

AMOUNTS = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(-50, 500).map(Decimal), max_size=30)
TOP = Decimal("0.2")


def ranking(amounts: Mapping[str, int | Decimal], tiering: Tiering, of: Mapping[str, str] | None = None) -> Any:
    listed = sa.values(sa.column("subject", sa.Text), sa.column("amount", sa.Numeric), name="amounts")
    data = [(subject, Decimal(amount)) for subject, amount in amounts.items()]
    groups = sa.values(sa.column("customer", sa.Text), sa.column("name", sa.Text), name="groups")
    held = None if of is None else sa.select(groups.data(list(of.items()))).subquery()
    return tiers.ranked(sa.select(listed.data(data)), tiering, Groups(held))


async def placed(
    read: AsyncConnection, amounts: Mapping[str, Any], scheme: Scheme = "ABC", of: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Subject -> tier, in the order of the ranking."""
    query = ranking(amounts, Tiering(scheme=scheme), of)
    rows = await PostgresRows(read).rows(query)
    return {r["subject"]: r["tier"] for r in sorted(rows, key=lambda r: (r["name"], r["rank"]))}


async def group(read: AsyncConnection, amounts: Mapping[str, Any], scheme: Scheme = "ABC") -> TieredGroup:
    tiering = Tiering(scheme=scheme)
    rows = await PostgresRows(read).rows(tiers.by_tier(ranking(amounts, tiering), tiering, TOP))
    [only] = tiers.tiered_groups(rows)
    return only


async def test_class_a_is_taken_while_the_share_before_is_below_80_percent(read: AsyncConnection) -> None:
    found = await placed(read, {"a": 50, "b": 29, "c": 2, "d": 14, "e": 5})
    assert found == {"a": "A", "b": "A", "d": "A", "e": "B", "c": "C"}


async def test_one_customer_with_85_percent_is_still_class_a(read: AsyncConnection) -> None:
    assert await placed(read, {"big": 85, "small": 15}) == {"big": "A", "small": "B"}


async def test_the_inclusive_rule_counts_one_fewer(read: AsyncConnection) -> None:
    found = await group(read, {"a": 79, "b": 2, "c": 19})
    assert ({t.tier: t.members for t in found.tiers}, found.within_first_cut) == ({"A": 2, "C": 1}, 1)


async def test_the_amounts_of_the_tiers_add_up_to_the_total_over_all_groups(read: AsyncConnection) -> None:
    tiering = Tiering(scheme="VIP")
    query = ranking({"a": 79, "b": 2, "c": 18, "d": 1}, tiering, {"a": "x", "b": "y", "c": "y", "d": "y"})
    found = tiers.tiered_groups(await PostgresRows(read).rows(tiers.by_tier(query, tiering, TOP)))
    assert [(g.name, g.total) for g in found] == [("x", Decimal(79)), ("y", Decimal(21))]
    summed = [(t.tier, t.members, t.amount) for t in together(found)]
    assert summed == [("VIP", 2, Decimal(97)), ("small", 2, Decimal(3))]


async def test_equal_amounts_are_ordered_by_id(read: AsyncConnection) -> None:
    assert list(await placed(read, {"b": 1, "a": 1, "c": 2})) == ["c", "a", "b"]


async def test_without_sales_everybody_is_class_c_and_has_no_share(read: AsyncConnection) -> None:
    assert await placed(read, {"a": 0, "b": -3}) == {"a": "C", "b": "C"}
    found = await group(read, {"a": 0, "b": -3})
    assert [(t.tier, t.share) for t in found.tiers] == [("C", None)]
    assert found.top_share is None


async def test_vip_goes_by_rank_and_rounds_the_number_up(read: AsyncConnection) -> None:
    found = await group(read, {f"{n:04}": 2000 - n for n in range(150)}, "VIP")
    assert {t.tier: t.members for t in found.tiers} == {"VIP": 2, "main": 6, "ordinary": 22, "small": 120}


async def test_vip_of_1000_customers_are_the_10_and_the_next_40_of_the_catalogue(read: AsyncConnection) -> None:
    """R-050, R-051: the first 10 of 1,000, then the 40 next."""
    found = await group(read, {f"{n:04}": 5000 - n for n in range(1000)}, "VIP")
    assert {t.tier: t.members for t in found.tiers} == {"VIP": 10, "main": 40, "ordinary": 150, "small": 800}


async def test_the_top_fifth_makes_this_share_of_all(read: AsyncConnection) -> None:
    assert (await group(read, {str(n): 80 if n == 0 else 5 for n in range(5)})).top_share == Decimal("0.8")


async def test_a_tier_is_held_against_the_share_the_scheme_expects_of_it(read: AsyncConnection) -> None:
    """R-058: VIP 70-80 %, main 10-20 %, and nothing said of the others."""
    found = await group(read, {f"{n:03}": {0: 750, 1: 90}.get(n, 2) for n in range(82)}, "VIP")
    told = {t.tier: (t.share, t.as_expected) for t in found.tiers}
    assert told["VIP"] == (Decimal("0.75"), True)
    assert told["main"] == (Decimal("0.096"), False)
    assert told["small"][1] is None


async def test_tiers_within_groups_are_those_of_each_group_alone(read: AsyncConnection) -> None:
    """R-048 does not say whether the division is over all customers or inside each type: both are there."""
    amounts = {"a": 900, "b": 50, "c": 30, "d": 20, "e": 7}
    of = {"a": "dealer", "b": "retailer", "c": "retailer", "d": "retailer"}
    each = [reading({n: Decimal(amounts[n]) for n in names}) for names in ("a", "bcd", "e")]
    alone = {subject: tier for group in each for subject, tier in group.items()}
    assert await placed(read, amounts, of=of) == alone
    assert alone != reading({n: Decimal(a) for n, a in amounts.items()})


@pytest.mark.parametrize(("a", "b"), [("0", "0.5"), ("0.9", "0.8"), ("0.5", "1.1")])
def test_cuts_that_do_not_rise_are_refused(a: str, b: str) -> None:
    with pytest.raises(CutsNotRising):
        cuts_of(Decimal(a), Decimal(b))


@settings(deadline=None, max_examples=30)
@given(AMOUNTS, st.sampled_from(["ABC", "VIP"]))
def test_tiers_are_those_of_the_naive_reading_and_amounts_add_up(
    empty: str, amounts: dict[str, Decimal], scheme: Scheme
) -> None:
    async def checked() -> None:
        async with once(empty).connect() as read:
            assert await placed(read, amounts, scheme) == reading(amounts, scheme)
            if amounts:
                found = await group(read, amounts, scheme)
                assert found.total == sum(t.amount for t in found.tiers) == sum(amounts.values())
                assert found.members == sum(t.members for t in found.tiers) == len(amounts)

    if amounts:
        asyncio.run(checked())
