"""Invoices, payments, credit notes: what is owed, what settles it, what is late."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from credit_svc.domain.account import CurrencyWithoutRate, RoundsToNothing, UnknownCustomer
from credit_svc.domain.assets import ReportAssets
from credit_svc.domain.credit_note import CreditNoteIssuedAlready, IssueCreditNote, NetAboveGross, UnknownInvoice
from credit_svc.domain.invoice import (
    InstalmentsDoNotAddUp,
    InstalmentsMisnumbered,
    InvoiceIssuedAlready,
    IssueInvoice,
    MixedCurrencies,
    NoDueDate,
    TwoPaymentTerms,
)
from credit_svc.domain.payment import (
    AllocateCash,
    MoreThanUnallocated,
    NoSuchDocument,
    NoSuchInvoice,
    OverAllocation,
    PaymentReceivedAlready,
    ReceivePayment,
    Share,
)
from credit_svc.domain.receivable import NoticeLateness
from credit_svc.testing import TODAY, CreditCase, cny, cny0
from engine.decider import StaleFacts
from events.base import PositiveMoney
from events.credit import (
    Allocated,
    CompanyAssetsReported,
    ExposureChanged,
    HoldReleased,
    Instalment,
    InvoiceIssued,
    InvoiceSettled,
    PaymentDelayed,
    PaymentReceived,
)


@pytest.fixture
def credit() -> CreditCase:
    return CreditCase().with_account(1000)


def day(offset: int) -> date:
    return TODAY + timedelta(days=offset)


def usd(amount: str) -> PositiveMoney:
    return PositiveMoney(amount=Decimal(amount), currency="USD")


def bill(invoice: str, amount: int | str, due_in: int = 30, dated: int = 0, customer: str = "C-1") -> IssueInvoice:
    return IssueInvoice(
        customer=customer, invoice=invoice, invoice_date=day(dated), amount=cny(amount), due=day(due_in)
    )


def pay(payment: str, amount: int | str, *names: str, on: int = 0, customer: str = "C-1") -> ReceivePayment:
    return ReceivePayment(customer=customer, payment=payment, amount=cny(amount), value_date=day(on), names=names)


def give_back(note: str, amount: int, invoice: str | None = "I-1", net: int | None = None) -> IssueCreditNote:
    return IssueCreditNote(
        customer="C-1",
        credit_note=note,
        invoice=invoice,
        amount=cny(amount),
        net=None if net is None else cny0(net),
        issued_on=TODAY,
        reason="scratched",
    )


def by_hand(document: str, *shares: tuple[str, int]) -> AllocateCash:
    return AllocateCash(
        customer="C-1",
        kind="payment",
        document=document,
        shares=tuple(Share(invoice=i, amount=cny(a)) for i, a in shares),
    )


def allocations(credit: CreditCase) -> list[tuple[str, str, Decimal]]:
    found = [e for _, e in credit.happened if isinstance(e, Allocated)]
    return [(e.document, e.invoice, e.amount.amount) for e in found]


def owed_and_unallocated(credit: CreditCase) -> list[Decimal]:
    return [credit.exposure().open_invoices, credit.exposure().unallocated_cash]


# --- invoices -----------------------------------------------------------------------------------------------------


def test_an_invoice_is_owed_on_its_due_date(credit: CreditCase) -> None:
    issued, moved = credit.do(bill("I-1", 300))
    assert isinstance(issued, InvoiceIssued)
    assert issued.instalments == (Instalment(number=1, due=day(30), amount=cny(300)),)
    assert isinstance(moved, ExposureChanged)
    assert credit.exposure().due == {day(30): Decimal(300)}


def test_the_same_invoice_again_is_nothing_and_another_reading_is_refused(credit: CreditCase) -> None:
    credit.do(bill("I-1", 300))
    assert credit.do(bill("I-1", 300)) == []
    credit.refused(bill("I-1", 301), InvoiceIssuedAlready, invoice="I-1")


def test_an_invoice_of_an_unknown_customer_waits(credit: CreditCase) -> None:
    credit.refused(bill("I-1", 1, customer="C-9"), UnknownCustomer, customer="C-9")


def instalments(*amounts: str) -> tuple[Instalment, ...]:
    return tuple(Instalment(number=n, due=day(30 * n), amount=cny(a)) for n, a in enumerate(amounts, 1))


def in_parts(amount: int, parts: tuple[Instalment, ...]) -> IssueInvoice:
    return IssueInvoice(customer="C-1", invoice="I-1", invoice_date=TODAY, amount=cny(amount), instalments=parts)


def test_instalments_add_up_exactly(credit: CreditCase) -> None:
    command = in_parts(100, instalments("33.33", "33.33", "33.33"))
    credit.refused(command, InstalmentsDoNotAddUp, instalments=Decimal("99.99"), amount=Decimal(100))
    credit.do(in_parts(100, instalments("33.33", "33.33", "33.34")))
    assert credit.exposure().due[day(90)] == Decimal("33.34")


def test_instalments_are_numbered_from_one(credit: CreditCase) -> None:
    parts = tuple(p.model_copy(update={"number": p.number + 1}) for p in instalments("50", "50"))
    credit.refused(in_parts(100, parts), InstalmentsMisnumbered, invoice="I-1")


def test_an_invoice_says_once_when_it_is_due(credit: CreditCase) -> None:
    neither = in_parts(100, ())
    credit.refused(neither, NoDueDate, invoice="I-1")
    both = in_parts(100, instalments("100")).model_copy(update={"due": TODAY})
    credit.refused(both, TwoPaymentTerms, invoice="I-1")


def test_an_invoice_is_in_one_currency(credit: CreditCase) -> None:
    parts = (Instalment(number=1, due=TODAY, amount=usd("100")),)
    credit.refused(in_parts(100, parts), MixedCurrencies, currency="CNY")


def test_an_invoice_in_another_currency_needs_a_rate_and_is_rounded_when_stored(credit: CreditCase) -> None:
    parts = tuple(Instalment(number=n, due=day(n), amount=usd("0.05")) for n in (1, 2, 3))
    body = IssueInvoice(customer="C-1", invoice="I-1", invoice_date=TODAY, amount=usd("0.15"), instalments=parts)
    credit.refused(body, CurrencyWithoutRate, currency="USD", account_currency="CNY")
    issued = credit.do(body.model_copy(update={"rate": Decimal("7.1")}))[0]
    assert isinstance(issued, InvoiceIssued)
    assert issued.amount == cny("1.07")
    assert [p.amount.amount for p in issued.instalments] == [Decimal("0.36"), Decimal("0.36"), Decimal("0.35")]
    assert (issued.document_amount, issued.rate) == (usd("0.15"), Decimal("7.1"))


def test_an_amount_that_rounds_to_nothing_is_refused(credit: CreditCase) -> None:
    body = bill("I-1", 1).model_copy(update={"amount": usd("0.01"), "rate": Decimal("0.1")})
    credit.refused(body, RoundsToNothing, currency="USD", account_currency="CNY")


# --- payments -----------------------------------------------------------------------------------------------------


def test_a_payment_settles_the_invoices_it_names_in_their_order(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100, due_in=1), bill("I-2", 100, due_in=2), bill("I-3", 100, due_in=3))
    credit.do(pay("P-1", 150, "I-3", "I-2"))
    assert allocations(credit) == [("P-1", "I-3", Decimal(100)), ("P-1", "I-2", Decimal(50))]


def test_an_unnamed_payment_settles_what_was_due_first(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100, due_in=9), bill("I-2", 100, due_in=2), bill("I-3", 100, due_in=5))
    credit.do(pay("P-1", 150))
    assert allocations(credit) == [("P-1", "I-2", Decimal(100)), ("P-1", "I-3", Decimal(50))]
    assert credit.exposure().due == {day(5): Decimal(50), day(9): Decimal(100)}


def test_what_is_over_stays_unallocated(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100))
    credit.do(pay("P-1", 130))
    assert owed_and_unallocated(credit) == [0, 30]


def test_a_payment_for_an_unknown_invoice_stays_unallocated_until_it_arrives(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100), pay("P-1", 80, "I-2"))
    assert credit.exposure().unallocated_cash == 80
    credit.do(bill("I-2", 60))
    assert allocations(credit) == [("P-1", "I-2", Decimal(60))]
    assert credit.exposure().unallocated_cash == 20


def test_money_that_names_another_invoice_waits_for_it(credit: CreditCase) -> None:
    credit.do(pay("P-1", 80, "I-2"), bill("I-1", 100))
    assert allocations(credit) == []


def test_a_new_invoice_takes_the_money_that_names_it_first_then_the_oldest(credit: CreditCase) -> None:
    credit.do(pay("P-1", 50, on=-2), pay("P-2", 50, on=-5), pay("P-3", 10, "I-1", on=-1))
    credit.do(bill("I-1", 80))
    assert allocations(credit) == [
        ("P-3", "I-1", Decimal(10)),
        ("P-2", "I-1", Decimal(50)),
        ("P-1", "I-1", Decimal(20)),
    ]


def test_an_allocation_is_effective_at_the_later_of_both_dates(credit: CreditCase) -> None:
    credit.do(pay("P-1", 50, on=3), bill("I-1", 50, dated=0))
    allocated = next(e for _, e in credit.happened if isinstance(e, Allocated))
    assert allocated.effective == day(3)
    settled = credit.of(*[r for r, e in credit.happened if isinstance(e, InvoiceSettled)])[-1]
    assert settled.effective_on() == day(3)


def test_the_exposure_is_right_by_category_on_every_date(credit: CreditCase) -> None:
    credit.do(pay("P-1", 50, on=3), bill("I-1", 70, dated=0))
    moves = [e for _, e in credit.happened if isinstance(e, ExposureChanged)]
    assert [(e.on, {str(c): int(m.amount) for c, m in e.changes.items()}) for e in moves] == [
        (day(3), {"unallocated_cash": 50}),
        (day(0), {"open_invoices": 70}),
        (day(3), {"open_invoices": -50, "unallocated_cash": -50}),
    ]


def test_a_late_payment_does_not_allocate_anew(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100, due_in=1), bill("I-2", 100, due_in=2), pay("P-1", 100))
    credit.do(pay("P-2", 50, "I-1", on=-20))
    assert allocations(credit) == [("P-1", "I-1", Decimal(100))]
    assert credit.exposure().unallocated_cash == 50


def test_the_same_payment_again_is_nothing_and_another_reading_is_refused(credit: CreditCase) -> None:
    credit.do(pay("P-1", 10))
    assert credit.do(pay("P-1", 10)) == []
    credit.refused(pay("P-1", 11), PaymentReceivedAlready, payment="P-1")


def test_a_payment_that_names_an_invoice_of_another_customer_stays_unallocated(credit: CreditCase) -> None:
    credit.with_account(10, "C-2")
    credit.do(bill("I-1", 10, customer="C-2"), pay("P-1", 10, "I-1"))
    assert allocations(credit) == []


def test_a_payment_in_another_currency_needs_a_rate(credit: CreditCase) -> None:
    body = pay("P-1", 1).model_copy(update={"amount": usd("10")})
    credit.refused(body, CurrencyWithoutRate, document="P-1")
    received = credit.do(body.model_copy(update={"rate": Decimal("7.1234")}))[0]
    assert isinstance(received, PaymentReceived)
    assert received.amount == cny("71.23")


def test_candidates_that_lag_behind_are_asked_for_again(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100))
    credit.facts_lag = len(credit.happened)
    with pytest.raises(StaleFacts):
        credit.decide(pay("P-1", 50))
    credit.decide(pay("P-1", 50, "I-1"))


def test_waiting_money_that_lags_behind_is_asked_for_again(credit: CreditCase) -> None:
    credit.do(pay("P-1", 100))
    credit.facts_lag = len(credit.happened)
    with pytest.raises(StaleFacts):
        credit.decide(bill("I-1", 50))


def test_a_payment_releases_what_it_makes_room_for() -> None:
    credit = CreditCase().with_account(100)
    credit.do(bill("I-1", 90, due_in=-70))
    credit.check("O-1", 50)
    assert credit.exposure().holds["O-1"].rules == ("over-limit", "overdue")
    credit.do(pay("P-1", 45))
    assert credit.exposure().holds["O-1"].rules == ("overdue",)
    events = credit.do(pay("P-2", 45))
    assert any(isinstance(e, HoldReleased) for e in events)


# --- by hand ------------------------------------------------------------------------------------------------------


def test_a_person_allocates_what_waits(credit: CreditCase) -> None:
    credit.do(pay("P-1", 100, "I-9"), bill("I-1", 60), bill("I-2", 60))
    credit.do(by_hand("P-1", ("I-2", 60), ("I-1", 40)))
    assert allocations(credit) == [("P-1", "I-2", Decimal(60)), ("P-1", "I-1", Decimal(40))]
    assert credit.exposure().total == 20


def test_more_than_is_open_is_never_allocated(credit: CreditCase) -> None:
    credit.do(pay("P-1", 100, "I-9"), bill("I-1", 60))
    credit.refused(by_hand("P-1", ("I-1", 61)), OverAllocation, invoice="I-1", open=Decimal(60), amount=Decimal(61))
    credit.refused(by_hand("P-1", ("I-1", 40), ("I-1", 40)), OverAllocation, invoice="I-1")


def test_more_than_is_unallocated_is_never_allocated(credit: CreditCase) -> None:
    credit.do(pay("P-1", 50, "I-9"), bill("I-1", 60))
    credit.refused(by_hand("P-1", ("I-1", 51)), MoreThanUnallocated, unallocated=Decimal(50), amount=Decimal(51))


def test_only_known_documents_are_allocated(credit: CreditCase) -> None:
    credit.refused(by_hand("P-1", ("I-1", 5)), NoSuchDocument, document="P-1")
    credit.do(pay("P-1", 50, "I-9"))
    credit.refused(by_hand("P-1", ("I-1", 5)), NoSuchInvoice, invoice="I-1")


# --- credit notes -------------------------------------------------------------------------------------------------


def test_a_credit_note_reduces_its_invoice_and_the_excess_stays_as_credit(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100), pay("P-1", 70, "I-1"), give_back("N-1", 50))
    assert owed_and_unallocated(credit) == [0, 20]
    assert credit.document("credit_note", "N-1").unallocated == 20


def test_credit_without_an_invoice_is_not_set_against_a_new_one_by_itself(credit: CreditCase) -> None:
    credit.do(give_back("N-1", 50, None), bill("I-1", 100))
    assert allocations(credit) == []
    assert credit.exposure().total == 50


def test_a_credit_note_for_an_unknown_invoice_waits(credit: CreditCase) -> None:
    credit.refused(give_back("N-1", 50), UnknownInvoice, invoice="I-1")


def test_a_credit_note_is_issued_once(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100), give_back("N-1", 50))
    assert credit.do(give_back("N-1", 50)) == []
    credit.refused(give_back("N-1", 51), CreditNoteIssuedAlready, credit_note="N-1")


def test_the_net_of_a_credit_note_is_not_above_its_gross(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100))
    credit.refused(give_back("N-1", 50, net=51), NetAboveGross, net=Decimal(51), amount=Decimal(50))


# --- lateness -----------------------------------------------------------------------------------------------------


def notice(days: int) -> NoticeLateness:
    return NoticeLateness(invoice="I-1", instalment=1, days=days)


def test_an_open_instalment_is_noticed_once_at_each_step(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100, due_in=-30), pay("P-1", 40, "I-1"))
    (delayed,) = credit.do(notice(1))
    expected = PaymentDelayed(customer="C-1", invoice="I-1", instalment=1, due=day(-30), days=1, open=cny(100))
    assert delayed == expected
    assert delayed.effective_on() == day(-29)
    assert credit.do(notice(1)) == []
    (second,) = credit.do(notice(30))
    assert isinstance(second, PaymentDelayed)
    assert second.open == cny(60)


def test_an_instalment_paid_before_the_step_is_not_noticed_even_if_the_payment_came_to_light_later(
    credit: CreditCase,
) -> None:
    credit.do(bill("I-1", 100, due_in=-30, dated=-40), pay("P-1", 100, "I-1", on=-29))
    assert credit.do(notice(1)) == []


def test_a_step_that_has_not_come_is_not_noticed(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100, due_in=-29))
    assert credit.do(notice(30)) == []
    assert credit.do(NoticeLateness(invoice="I-1", instalment=2, days=1)) == []


def test_an_initial_load_notices_nothing(credit: CreditCase) -> None:
    credit.do(bill("I-1", 100, due_in=-30))
    credit.initial_load = True
    assert credit.do(notice(1)) == []


# --- the company --------------------------------------------------------------------------------------------------


def test_total_assets_are_reported(credit: CreditCase) -> None:
    report = ReportAssets(total_assets=cny(5000), on=TODAY)
    assert credit.do(report) == [CompanyAssetsReported(total_assets=cny(5000), on=TODAY)]
    assert credit.do(report) == []
