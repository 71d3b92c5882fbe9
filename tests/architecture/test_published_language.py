"""What events promise beyond their shape: a sentence each, personal data in its place and in no view."""

import importlib
import inspect
import json
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from engine.personal import holds_personal, spots
from engine.projection import Ledger, Rows, Totals, View
from engine.testing.spec import envelope
from events import customer as customer_events
from events.base import Event, Personal, personal_fields
from events.customer import ContactRecorded
from events.registry import ALL, CONTEXTS
from tests.architecture.tree import ROOT, modules

GOLDEN = ROOT / "libs" / "events" / "tests" / "golden"
MARK = "the words of a person"


def language() -> list[ModuleType]:
    return [importlib.import_module(f"events.{name}") for name in (*CONTEXTS, "reconciling", "erp")]


def models(module: ModuleType) -> Iterator[type[BaseModel]]:
    return (m for _, m in inspect.getmembers(module, inspect.isclass) if issubclass(m, BaseModel))


def without_person(found: Iterable[type[BaseModel]]) -> list[str]:
    """Models with personal fields that do not say whose they are."""
    return sorted(m.__name__ for m in found if personal_fields(m) and "person" not in m.model_fields)


def without_sentence(found: Iterable[type[Event]]) -> list[str]:
    return [e.__name__ for e in found if not e.__dict__.get("__doc__")]


def views() -> list[View]:
    """Every view that a module of ours defines."""
    found = [importlib.import_module(m) for m in modules() if ".projections." in m or m == "engine.business_day"]
    return [v for module in found for v in vars(module).values() if isinstance(v, View)]


def personal_sample(event: type[Event]) -> Event:
    """The golden event with the same words in every personal field."""
    golden = json.loads((GOLDEN / f"{event.qualified()}.json").read_text("utf-8"))
    dumped = event.model_validate_json(json.dumps(golden)).model_dump(mode="json")
    for spot in list(spots(event.model_validate(dumped), dumped)):
        spot.holder[spot.field] = MARK
    return event.model_validate(dumped)


def rows(view: View, event: Event) -> list[Any]:
    """What `view` writes on its first event."""
    delivered = envelope(event)
    match view:
        case Rows():
            return [view.fold(key, None, delivered) for key in view.keys(delivered)]
        case Ledger() | Totals():
            return list(view.fold(delivered))
        case _:
            raise AssertionError(f"another kind of view: {type(view).__name__}")


def telling(view: View) -> list[str]:
    """The events whose personal words end in the table of `view`."""
    personal = [e for e in view.handles if holds_personal(e)]
    return [e.type for e in personal if MARK in repr(rows(view, personal_sample(e)))]


def test_every_event_has_a_sentence() -> None:
    assert without_sentence(ALL) == []


def test_every_event_class_is_registered() -> None:
    defined = {m for module in language() for m in models(module) if issubclass(m, Event) and "type" in m.__dict__}
    assert defined == set(ALL)


@pytest.mark.parametrize("module", language(), ids=lambda m: m.__name__)
def test_personal_data_names_its_person(module: ModuleType) -> None:
    assert without_person(models(module)) == []


def test_some_event_holds_personal_data() -> None:
    assert [e for e in ALL if holds_personal(e)]
    assert without_person(models(customer_events)) == []


@pytest.mark.parametrize("view", views(), ids=lambda v: v.name)
def test_no_view_keeps_personal_data(view: View) -> None:
    assert telling(view) == []


class Anonymous(BaseModel):
    name: Personal


class Dumb(Event):
    type = "customer.Dumb"


def contacts(fold: Any) -> Ledger:
    table = sa.Table("contacts", sa.MetaData(), sa.Column("person", sa.Text), sa.Column("role", sa.Text))
    return Ledger(table=table, version=1, handles=(ContactRecorded,), fold=fold)


def test_the_checks_tell_good_samples_from_bad_ones() -> None:
    assert without_person([Anonymous, customer_events.Contact]) == ["Anonymous"]
    assert without_sentence([ContactRecorded, Dumb]) == ["Dumb"]
    assert telling(contacts(lambda e: [(e.event.contact.person, e.event.contact.role)])) == []
    assert telling(contacts(lambda e: [(e.event.contact.person, e.event.contact.name)])) == ["customer.ContactRecorded"]
