"""Held orders in a person's hands."""

import pytest

from credit_svc.domain.account import SetLimit
from credit_svc.domain.holds import (
    HeldByHandAlready,
    LiftManualHold,
    NotHeld,
    NotHeldByHand,
    NothingToHold,
    PlaceManualHold,
    ReleasedByRequester,
    ReleaseHold,
)
from credit_svc.testing import CreditCase, cny0
from events.credit import HoldReleased, OrderHeld


@pytest.fixture
def credit() -> CreditCase:
    return CreditCase().with_account(100)


RELEASE = ReleaseHold(customer="C-1", order="O-1", reason="the bank vouches")
BY_HAND = PlaceManualHold(customer="C-1", order="O-1", reason="rumours")
LIFT = LiftManualHold(customer="C-1", order="O-1", reason="unfounded")


def test_a_person_releases_with_a_reason_and_the_amount_is_reserved(credit: CreditCase) -> None:
    credit.check("O-1", 150)
    released = credit.do(RELEASE)[0]
    assert isinstance(released, HoldReleased)
    assert (released.by, released.reason) == ("person", "the bank vouches")
    assert credit.exposure().total == 150


def test_who_asked_for_the_order_does_not_release_it(credit: CreditCase) -> None:
    credit.check("O-1", 150, by="U-1")
    credit.refused(RELEASE, ReleasedByRequester, order="O-1")
    credit.actor = "U-2"
    assert credit.do(RELEASE)


def test_what_is_not_held_cannot_be_released(credit: CreditCase) -> None:
    credit.check("O-1", 50)
    credit.refused(RELEASE, NotHeld, order="O-1")


def test_a_manual_hold_gives_the_reservation_back(credit: CreditCase) -> None:
    credit.check("O-1", 50)
    held = credit.do(BY_HAND)[0]
    assert isinstance(held, OrderHeld)
    assert [(r.rule, r.note) for r in held.reasons] == [("manual-hold", "rumours")]
    assert credit.exposure().total == 0


def test_a_manual_hold_makes_room_for_others(credit: CreditCase) -> None:
    credit.check("O-1", 80)
    credit.check("O-2", 60)
    credit.do(BY_HAND)
    assert list(credit.exposure().holds) == ["O-1"]
    assert credit.exposure().total == 60


def test_a_manual_hold_joins_the_other_reasons_and_never_clears_by_itself(credit: CreditCase) -> None:
    credit.check("O-1", 150)
    credit.do(BY_HAND)
    assert credit.exposure().holds["O-1"].rules == ("over-limit", "manual-hold")
    credit.do(SetLimit(customer="C-1", limit=cny0(1000), reason="secured"))
    assert "O-1" in credit.exposure().holds


def test_lifting_a_manual_hold_releases_what_has_no_other_reason(credit: CreditCase) -> None:
    credit.check("O-1", 50)
    credit.do(BY_HAND)
    assert isinstance(credit.do(LIFT)[0], HoldReleased)
    assert credit.exposure().total == 50


def test_lifting_a_manual_hold_leaves_the_reasons_that_still_apply(credit: CreditCase) -> None:
    credit.check("O-1", 150)
    credit.do(BY_HAND)
    (held,) = credit.do(LIFT)
    assert isinstance(held, OrderHeld)
    assert [r.rule for r in held.reasons] == ["over-limit"]


def test_an_order_is_held_by_hand_once(credit: CreditCase) -> None:
    credit.check("O-1", 50)
    credit.do(BY_HAND)
    credit.refused(BY_HAND, HeldByHandAlready, order="O-1")


def test_only_a_manual_hold_is_lifted(credit: CreditCase) -> None:
    credit.check("O-1", 150)
    credit.refused(LIFT, NotHeldByHand, order="O-1")


def test_an_order_with_nothing_open_cannot_be_held(credit: CreditCase) -> None:
    credit.refused(BY_HAND, NothingToHold, order="O-1", customer="C-1")
