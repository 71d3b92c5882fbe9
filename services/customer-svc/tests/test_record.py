"""Rules of the blocks of the customer record."""

from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from customer_svc.domain.customer import CUSTOMER, NoSuchContact, NoSuchCustomer
from customer_svc.domain.record import (
    DECIDER,
    RECORD,
    RECORDED,
    CollectedInFuture,
    RecordBlocks,
    RecordCommand,
    RecordIsEarly,
    TakeBlocks,
    VerifyRecord,
)
from engine.decider import Actor, Facts, Ref
from engine.snapshots import codec
from engine.testing.spec import Outcome, given
from events.base import Event
from events.customer import (
    Basics,
    BlockRecorded,
    CharacteristicsRecorded,
    Contact,
    ContactRecorded,
    ContactRemoved,
    CustomerRegistered,
    DossierRecorded,
    RecordVerified,
    TradingStatusRecorded,
)
from events.record import Block, Blocks, BusinessStatus, Characteristics, Collected, Dossier, TradingStatus

TODAY = date(2026, 3, 2)
FACTS = Facts(TODAY, datetime(2026, 3, 2, 9, tzinfo=UTC), Actor("lin"))
LOADING = Facts(date(2020, 1, 1), FACTS.now, FACTS.actor, initial_load=True)
C, R = CUSTOMER("C-1"), RECORD("C-1")
REGISTERED = CustomerRegistered(
    customer="C-1", basics=Basics(name="沪东机械", type="dealer", currency="CNY"), since=TODAY
)
WANG = ContactRecorded(customer="C-1", contact=Contact(person="P-1", name="王芳"))
VISIT = Collected(on=date(2026, 2, 20), how="visit", by="zhao")
EARLIER = Collected(on=date(2025, 11, 5), how="phone")
EAST = Characteristics(market_area="华东")
SOUTH = Characteristics(market_area="华南")


def characteristics(block: Characteristics, collected: Collected = VISIT) -> CharacteristicsRecorded:
    return CharacteristicsRecorded(customer="C-1", collected=collected, block=block)


def found(collected: Collected = VISIT, **blocks: Block) -> RecordBlocks:
    return RecordBlocks(customer="C-1", collected=collected, blocks=Blocks.model_validate(blocks))


def when(command: RecordCommand, *events: Event, facts: Facts = FACTS) -> Outcome:
    history: list[tuple[Ref[Any], Event]] = [(C, REGISTERED), (C, WANG), *((R, e) for e in events)]
    return given(history).when(command, facts, by=DECIDER)


def test_the_blocks_of_one_visit_are_an_event_each() -> None:
    status = TradingStatus(reputation="付款守信")
    when(found(characteristics=EAST, trading_status=status)).then(
        [characteristics(EAST), TradingStatusRecorded(customer="C-1", collected=VISIT, block=status)]
    )


def test_each_block_has_an_event_and_each_event_a_block() -> None:
    assert set(RECORDED) == set(Blocks.model_fields)
    assert set(RECORDED.values()) == set(get_args(BlockRecorded))
    for name, event in RECORDED.items():
        assert event.model_fields["block"].annotation in get_args(Blocks.model_fields[name].annotation)


def test_a_block_that_reads_the_same_on_the_same_day_is_recorded_once() -> None:
    when(found(characteristics=EAST), characteristics(EAST)).then_nothing()


def test_a_block_corrected_on_its_day_is_recorded_again() -> None:
    when(found(characteristics=SOUTH), characteristics(EAST)).then([characteristics(SOUTH)])


def test_finding_the_same_on_a_later_day_is_news() -> None:
    when(found(characteristics=EAST), characteristics(EAST, EARLIER)).then([characteristics(EAST)])


def test_what_was_collected_earlier_may_arrive_later() -> None:
    when(found(EARLIER, characteristics=SOUTH), characteristics(EAST)).then([characteristics(SOUTH, EARLIER)])


def test_nothing_was_collected_in_the_future() -> None:
    tomorrow = Collected(on=date(2026, 3, 3), how="visit")
    when(found(tomorrow, characteristics=EAST)).then_rejected(CollectedInFuture, on=tomorrow.on, today=TODAY)
    when(VerifyRecord(customer="C-1", collected=tomorrow)).then_rejected(CollectedInFuture)


def test_an_initial_load_brings_days_of_its_own() -> None:
    when(found(characteristics=EAST), facts=LOADING).then([characteristics(EAST)])


def test_only_a_customer_has_a_record_and_documents_wait_for_theirs() -> None:
    nobody = given([])
    nobody.when(found(characteristics=EAST), FACTS, by=DECIDER).then_rejected(NoSuchCustomer, customer="C-1")
    document = TakeBlocks(customer="C-1", collected=VISIT, blocks=Blocks(characteristics=EAST))
    nobody.when(document, FACTS, by=DECIDER).then_rejected(RecordIsEarly, customer="C-1")
    when(document).then([characteristics(EAST)])


def test_a_dossier_names_contacts_present_or_former() -> None:
    dossier = Dossier(decision_maker="P-1", industry="制罐")
    recorded = DossierRecorded(customer="C-1", collected=VISIT, block=dossier)
    when(found(dossier=dossier)).then([recorded])
    gone: list[tuple[Ref[Any], Event]] = [(C, REGISTERED), (C, WANG), (C, ContactRemoved(customer="C-1", person="P-1"))]
    given(gone).when(found(dossier=dossier), FACTS, by=DECIDER).then([recorded])
    when(found(dossier=Dossier(handling_person="P-9"))).then_rejected(NoSuchContact, person="P-9")


def test_a_record_that_still_reads_right_is_verified_once_a_day() -> None:
    verified = RecordVerified(customer="C-1", collected=VISIT)
    when(VerifyRecord(customer="C-1", collected=VISIT)).then([verified])
    when(VerifyRecord(customer="C-1", collected=VISIT), verified).then_nothing()


def test_the_state_of_a_record_survives_its_snapshot() -> None:
    state = RECORD.fold([characteristics(EAST), RecordVerified(customer="C-1", collected=VISIT)])
    kept = codec(RECORD).adapter
    assert kept.validate_json(kept.dump_json(state)) == state


def test_blocks_say_what_is_wrong_with_them() -> None:
    month = {"quantity": 5, "month": "2026-01-15"}
    assert str(BusinessStatus.model_validate({"monthly_sales": [month]}).monthly_sales[0].month) == "2026-01-01"
    for model, value, message in (
        (Blocks, {}, "name at least one block: dealings, characteristics"),
        (BusinessStatus, {"market_share": "12.5"}, "less than or equal to 1"),
        (BusinessStatus, {"monthly_sales": [month, {**month, "month": "2026-01-02"}]}, "a month is named twice"),
        (Characteristics, {"market_area": "x" * 2001}, "at most 2000 characters"),
        (Dossier, {"decision_maker": "王芳"}, "match pattern"),
    ):
        with pytest.raises(ValidationError, match=message):
            model.model_validate(value)
