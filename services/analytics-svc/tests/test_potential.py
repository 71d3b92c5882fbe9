"""R-082: products a customer might buy more of."""

from decimal import Decimal

from analytics_svc.domain.potential import potentials

D = Decimal
ALL = {"P1": D(600), "P2": D(300), "P3": D(100)}


def test_a_product_lacks_what_its_share_of_all_would_make_of_the_customers_amount() -> None:
    """The customer bought for 100: at everybody's shares 60, 30 and 10."""
    found = potentials(ALL, {"P1": D(90), "P3": D(10)}, D("0.5"))
    assert [(p.product, p.own, p.own_share, p.share_of_all, p.potential) for p in found] == [
        ("P2", D(0), D(0), D("0.3"), D(30)),
    ]  # fmt: skip


def test_products_bought_a_little_less_than_by_others_are_left_out() -> None:
    own = {"P1": D(70), "P2": D(20), "P3": D(10)}
    assert potentials(ALL, own, D("0.5")) == []
    assert [p.product for p in potentials(ALL, own, D(1))] == ["P2"]


def test_the_most_lacking_comes_first() -> None:
    found = potentials(ALL, {"P3": D(100)}, D(1))
    assert [(p.rank, p.product, p.potential) for p in found] == [(1, "P1", D(60)), (2, "P2", D(30))]


def test_who_has_bought_nothing_has_no_shares_to_compare() -> None:
    assert potentials(ALL, {}, D(1)) == potentials({}, {"P1": D(5)}, D(1)) == []
