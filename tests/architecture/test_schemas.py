"""What others read and send keeps its shape: every schema fits all that was published under its name and before it."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from tools.compatibility import complaints, covers, shape
from tools.published import PLACE

from chassis.schemas import Shape, catalogue, present, published
from chassis.wire import body
from events import erp
from events.base import Event
from events.registry import ALL, event_class
from events.samples import sample
from events.upcasts import UPCASTS, upcast
from tests.architecture.tree import ROOT

GOLDEN = sorted((ROOT / "libs" / "events" / "tests" / "golden").glob("*.json"))
PUBLISHED = {str(schema["title"]): schema for schema in published()}
INVOICE, PAYMENT, RECEIPT = "credit.InvoiceIssued.v1", "erp.Payment.v1", "kehu.Receipt.v1"
NONE_OF = 4
"""What `events.samples` chooses among for a field that may be empty: the last is nothing."""
Change = Callable[[dict[str, Any]], object]


def valid(name: str, told: Any) -> None:
    Draft202012Validator(dict(catalogue()[name].schema), validate_formats=True).validate(told)


def test_every_schema_fits_what_was_published() -> None:
    assert complaints(present(), PUBLISHED, UPCASTS) == []


def test_what_is_given_out_are_all_schemas_of_today_and_all_that_are_still_read() -> None:
    assert set(catalogue()) == set(present()) | set(PUBLISHED)
    assert {path.stem for path in PLACE.glob("*.json")} == set(PUBLISHED)
    assert {path.stem for path in (ROOT / "docs" / "reference" / "schemas").iterdir()} == set(catalogue())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_an_event_as_it_was_ever_written_is_valid_for_todays_schema(path: Any) -> None:
    name, _, version = path.stem.rpartition(".v")
    told = upcast(name, int(version), json.loads(path.read_text("utf-8")))
    event = event_class(name).model_validate(told)
    valid(event.qualified(), body(event, "out"))


@pytest.mark.parametrize("event", ALL, ids=lambda e: e.qualified())
def test_an_event_with_little_in_it_is_valid_for_its_schema(event: type[Event]) -> None:
    made = sample(event, lambda n: 3 if n == NONE_OF else 0)
    valid(event.qualified(), body(made, "out"))


@pytest.mark.parametrize("name", [e.qualified() for e in ALL])
def test_what_is_personal_is_described_as_it_is_on_the_wire(name: str) -> None:
    parts = catalogue()[name].schema.get("$defs", {})
    sealed = json.dumps(parts).count('"#/$defs/Sealed"')
    assert ("Sealed" in parts) == (sealed > 0) == ("Personal data" in json.dumps(parts))


def test_readable_words_of_a_person_are_not_valid_in_an_event_and_are_in_a_document() -> None:
    contact = {"person": "P-1", "role": "", "name": "王芳", "phone": None, "email": None}
    schema = catalogue()["customer.ContactRecorded.v1"].schema
    assert not Draft202012Validator(dict(schema)).is_valid({"customer": "C-1", "contact": contact})
    basics = {"name": "Acme", "type": "dealer", "currency": "CNY"}
    valid(erp.Customer.type, {"customer": "C-1", "basics": basics, "contacts": [contact]})


def changed(name: str, change: Change) -> Mapping[str, Shape]:
    """What is sent and taken today, with one schema changed."""
    now = dict(present())
    schema = deepcopy(dict(now[name].schema))
    change(schema)
    return {**now, name: now[name]._replace(schema=schema)}


def told(name: str, change: Change) -> list[str]:
    return complaints(changed(name, change), PUBLISHED, UPCASTS)


def properties(**new: Any) -> Change:
    return lambda schema: schema["properties"].update(new)


def required(name: str) -> Change:
    return lambda schema: (schema["properties"].update({name: {"type": "string"}}), schema["required"].append(name))


NARROWER: Mapping[str, Change] = {
    "a property is gone": lambda s: s["properties"].pop("rate"),
    "a property is new and required": required("bank"),
    "another type": properties(payment={"type": "integer"}),
    "null is taken no more": properties(rate={"type": "string"}),
    "another pattern": properties(payment={"type": "string", "pattern": "^[0-9]+$"}),
    "a shorter text": lambda s: s["properties"]["payment"].update(maxLength=20),
    "a shorter list": lambda s: s["properties"]["names"].update(maxItems=10),
    "an instant for a date": lambda s: s["properties"]["value_date"].update(format="date-time"),
    "fewer words to choose from": properties(payment={"enum": ["A-17"]}),
    "a part with less in it": lambda s: s["$defs"]["PositiveMoney"]["properties"].pop("currency"),
}
WIDER: Mapping[str, Change] = {
    "a property that may be left out": properties(bank={"type": "string"}),
    "a longer list": lambda s: s["properties"]["names"].update(maxItems=200),
    "no pattern": lambda s: s["properties"]["payment"].pop("pattern"),
    "less is required": lambda s: s["required"].remove("value_date"),
}


@pytest.mark.parametrize("change", NARROWER.values(), ids=NARROWER)
def test_a_document_that_an_erp_sends_today_may_not_be_refused_tomorrow(change: Change) -> None:
    (said,) = told(PAYMENT, change)
    assert said.startswith(f"{PAYMENT} has changed (/")
    assert said.endswith("or make it a new type with the next version beside this one")


@pytest.mark.parametrize("change", WIDER.values(), ids=WIDER)
def test_a_document_may_take_more_and_that_is_written_down(change: Change) -> None:
    assert told(PAYMENT, change) == [
        f"{PAYMENT} takes more than was published, which is allowed: python -m tools.published"
    ]


@pytest.mark.parametrize(
    "change", [properties(bank={"type": "string"}), lambda s: s["properties"].pop("rate"), required("bank")]
)
def test_an_event_never_changes_its_shape_not_even_by_what_may_be_left_out(change: Change) -> None:
    (said,) = told(INVOICE, change)
    assert "raise its version and add an upcast to events/upcasts.py" in said
    assert "/properties/" in said


def test_words_about_a_shape_may_change() -> None:
    assert told(INVOICE, lambda s: s.update(description="Otherwise put.", examples=[])) == []


def test_a_property_that_is_called_title_is_part_of_the_shape() -> None:
    assert shape({"title": "T", "properties": {"title": {"type": "string"}}}) == {
        "properties": {"title": {"type": "string"}}
    }


def test_a_receipt_may_say_more_but_nothing_unheard_of() -> None:
    assert "allowed" in told(RECEIPT, properties(attempt={"type": "integer"}))[0]
    (said,) = told(RECEIPT, properties(verdict={"enum": ["accepted", "duplicate", "waiting", "rejected", "lost"]}))
    assert "add fields only" in said


def test_a_document_or_receipt_that_was_published_is_not_dropped() -> None:
    now = {name: found for name, found in present().items() if name != PAYMENT}
    assert complaints(now, PUBLISHED, UPCASTS) == [
        f"{PAYMENT} was published and is not there any more: whoever sends or reads it would be left alone"
    ]


def test_what_was_never_published_is_named() -> None:
    before = {name: schema for name, schema in PUBLISHED.items() if name != INVOICE}
    assert complaints(present(), before, UPCASTS) == [f"{INVOICE} has not been published: python -m tools.published"]


def version(number: int, change: Change) -> tuple[dict[str, Shape], dict[str, Mapping[str, Any]]]:
    """The invoice in a later version, published; the versions between are as the first."""
    kind, name = INVOICE.rpartition(".v")[0], f"{INVOICE.rpartition('.v')[0]}.v{number}"
    found = changed(INVOICE, change)[INVOICE]
    now = {n: s for n, s in present().items() if n != INVOICE} | {name: found._replace(type=name)}
    between = {f"{kind}.v{n}": PUBLISHED[INVOICE] for n in range(2, number)}
    return now, {**PUBLISHED, **between, name: found.schema}


def test_a_new_version_that_does_not_take_the_old_one_needs_an_upcast_from_every_earlier_one() -> None:
    now, before = version(3, required("channel"))
    kind = INVOICE.rpartition(".v")[0]
    assert [said.partition(" (")[0] for said in complaints(now, before, {})] == [
        f"{kind}.v1 cannot be read as {kind}.v3", f"{kind}.v2 cannot be read as {kind}.v3",
    ]  # fmt: skip
    assert [said.partition(" (")[0] for said in complaints(now, before, {(kind, 2)})] == [
        f"{kind}.v1 cannot be read as {kind}.v3"
    ]
    assert complaints(now, before, {(kind, 1), (kind, 2)}) == []


def test_a_new_version_that_takes_the_old_one_as_it_is_needs_none() -> None:
    assert complaints(*version(2, properties(channel={"type": "string"})), {}) == []


def test_earlier_versions_stay_readable_for_those_who_ask_for_their_schema() -> None:
    now, before = version(2, properties(channel={"type": "string"}))
    assert INVOICE not in now
    assert INVOICE in before
    assert covers(before[f"{INVOICE[:-1]}2"], before[INVOICE])
