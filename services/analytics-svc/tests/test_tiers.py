"""ABC by cumulative share, VIP by rank."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_svc.domain.figures import CutsNotRising
from analytics_svc.domain.tiers import amounts_of, cuts_of, ranked, top_share, within

AMOUNTS = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(-50, 500).map(Decimal), max_size=30)


def tiers(**amounts: int) -> dict[str, str]:
    return {r.subject: r.tier for r in ranked((s, Decimal(a)) for s, a in amounts.items())}


def test_class_a_is_taken_while_the_share_before_is_below_80_percent() -> None:
    assert tiers(a=50, b=29, c=2, d=14, e=5) == {"a": "A", "b": "A", "d": "A", "e": "B", "c": "C"}


def test_one_customer_with_85_percent_is_still_class_a() -> None:
    assert tiers(big=85, small=15) == {"big": "A", "small": "B"}


def test_the_inclusive_rule_counts_one_fewer() -> None:
    ranking = ranked([("a", Decimal(79)), ("b", Decimal(2)), ("c", Decimal(19))])
    assert [r.tier for r in ranking] == ["A", "A", "C"]
    assert within(ranking, Decimal("0.8")) == 1


def test_equal_amounts_are_ordered_by_id() -> None:
    assert [r.subject for r in ranked([("b", Decimal(1)), ("a", Decimal(1)), ("c", Decimal(2))])] == ["c", "a", "b"]


def test_without_sales_everybody_is_class_c_and_has_no_share() -> None:
    ranking = ranked([("a", Decimal(0)), ("b", Decimal(-3))])
    assert [(r.tier, r.share) for r in ranking] == [("C", None), ("C", None)]


def test_vip_goes_by_rank_and_rounds_the_number_up() -> None:
    ranking = ranked(((f"{n:04}", Decimal(2000 - n)) for n in range(150)), "VIP")
    counts = {tier: sum(1 for r in ranking if r.tier == tier) for tier in ("VIP", "main", "ordinary", "small")}
    assert counts == {"VIP": 2, "main": 6, "ordinary": 22, "small": 120}


def test_the_amounts_of_the_tiers_add_up_to_the_total() -> None:
    ranking = ranked([("a", Decimal(79)), ("b", Decimal(2)), ("c", Decimal(18)), ("d", Decimal(1))])
    assert [(t.tier, t.amount) for t in amounts_of(ranking)] == [("A", Decimal(97)), ("C", Decimal(3))]
    assert amounts_of([]) == []


def test_the_top_fifth_makes_this_share_of_all() -> None:
    ranking = ranked([(str(n), Decimal(80 if n == 0 else 5)) for n in range(5)])
    assert top_share(ranking, Decimal("0.2")) == Decimal("0.8")
    assert top_share([], Decimal("0.2")) is None


@pytest.mark.parametrize(("a", "b"), [("0", "0.5"), ("0.9", "0.8"), ("0.5", "1.1")])
def test_cuts_that_do_not_rise_are_refused(a: str, b: str) -> None:
    with pytest.raises(CutsNotRising):
        cuts_of(Decimal(a), Decimal(b))


@settings(deadline=None)
@given(AMOUNTS)
def test_tiers_never_rise_down_the_ranking_and_amounts_add_up(amounts: dict[str, Decimal]) -> None:
    ranking = ranked(amounts.items())
    if sum(amounts.values()) > 0:
        positive = [r.tier for r in ranking if r.amount > 0]
        assert positive == sorted(positive)
        assert ranking[0].tier == "A"
        assert ranking[-1].cumulative == sum(amounts.values())
