"""The views: what each shows after a history."""

from datetime import timedelta
from decimal import Decimal

from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.payment import ReceivePayment
from credit_svc.projections import accounts, holds, invoices, limits, open_instalments, settlements
from credit_svc.testing import TODAY, CreditCase, cny
from engine.testing.spec import given
from events.credit import Instalment


def lived() -> CreditCase:
    """An invoice in two instalments, a payment that reaches into the second, an order that is held."""
    case = CreditCase().with_account(100)
    parts = tuple(Instalment(number=n, due=TODAY + timedelta(days=n), amount=cny(60)) for n in (1, 2))
    case.do(IssueInvoice(customer="C-1", invoice="I-1", invoice_date=TODAY, amount=cny(120), instalments=parts))
    case.do(ReceivePayment(customer="C-1", payment="P-1", amount=cny(70), value_date=TODAY))
    case.check("O-1", 51, by="U-7")
    return case


def test_open_instalments_are_the_ones_that_are_open() -> None:
    expected = {"invoice": "I-1", "instalment": 2, "customer": "C-1", "open": Decimal(50)}
    given(lived().happened).project(open_instalments.VIEW).expect([expected])


def test_an_invoice_shows_what_is_open_of_each_instalment() -> None:
    (row,) = given(lived().happened).project(invoices.VIEW).records
    assert row["open"] == 50
    assert [i["open"] for i in row["instalments"]] == ["0", "50"]


def test_a_payment_shows_what_it_settled() -> None:
    (row,) = given(lived().happened).project(settlements.VIEW).records
    assert row["unallocated"] == 0
    assert [(a["instalment"], a["amount"]) for a in row["allocations"]] == [(1, "60"), (2, "10")]


def test_an_account_shows_the_exposure_by_category() -> None:
    expected = {"customer": "C-1", "currency": "CNY", "open_invoices": Decimal(50), "exposure": Decimal(50)}
    given(lived().happened).project(accounts.VIEW).expect([expected])


def test_the_view_of_accounts_says_what_the_stream_says() -> None:
    case = lived()
    (row,) = given(case.happened).project(accounts.VIEW).records
    assert row["exposure"] == case.exposure().total


def test_limits_are_kept_as_they_were_set() -> None:
    rows = given(lived().happened).project(limits.VIEW).records
    assert [(r["limit"], r["because"]) for r in rows] == [
        (Decimal(0), "new-account-default"),
        (Decimal(100), "own-limit"),
    ]


def test_a_hold_is_shown_until_it_is_gone() -> None:
    case = lived()
    (row,) = given(case.happened).project(holds.VIEW).records
    assert (row["order"], row["reasons"][0]["rule"], row["requested_by"]) == ("O-1", "over-limit", "U-7")
    case.do(ReceivePayment(customer="C-1", payment="P-2", amount=cny(1), value_date=TODAY))
    assert given(case.happened).project(holds.VIEW).records == []
