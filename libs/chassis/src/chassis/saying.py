"""What a document of the ERP says it is about, kept with its verdict: number, amount, business date, never a person."""

from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from engine.inbox import Told
from engine.personal import holds_personal
from events.base import CustomerId, Id, PositiveMoney, written
from events.erp import Document


def told_by(document: Document, sequence: str | None) -> Told:
    """Of a document that is as it should be."""
    kind, content = type(document), document.__dict__
    number = content[kind.numbered] if kind.numbered else None
    on = content[kind.dated] if kind.dated else None
    if not kind.sign:
        return Told(number, effective=on, sequence=sequence)
    money = content["amount"]
    return Told(number, kind.sign * money.amount, money.currency, content.get("rate"), on, sequence)


def read_in_part(kind: type[Document], data: Any, sequence: str | None) -> tuple[str | None, Told]:
    """The customer and what can be read of a document that is not as it should be: each field that is by itself.

    Nothing of one that may hold data of persons.
    """
    content = {} if holds_personal(kind) or not isinstance(data, dict) else data
    number, on = (content.get(name) for name in (kind.numbered, kind.dated))
    document = _read(Id, number)
    if not kind.sign:
        return _read(CustomerId, content.get("customer")), Told(document, effective=_on(on), sequence=sequence)
    money = _read(PositiveMoney, content.get("amount"))
    amount, currency = (kind.sign * money.amount, money.currency) if money else (None, None)
    rate = _read(Decimal, content.get("rate"))
    told = Told(document, amount, currency, rate if rate and 0 < rate < 10**8 else None, _on(on), sequence)
    return _read(CustomerId, content.get("customer")), told


def _on(value: Any) -> date | None:
    try:
        found: date | None = _read(date, written(value))
    except ValueError:
        return None
    return found


def _read(of: Any, value: Any) -> Any:
    """`value` as it; None where it is none."""
    try:
        return None if value is None else _adapter(of).validate_python(value)
    except ValidationError:
        return None


@cache
def _adapter(of: Any) -> TypeAdapter[Any]:
    return TypeAdapter(of)
