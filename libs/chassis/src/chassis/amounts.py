"""How amounts are written: with the decimal places of their currency, whatever they are; nothing is rounded off."""

from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, model_validator

from events.base import AmountMark
from events.currencies import in_minor_units


class InCurrency(BaseModel):
    """An answer whose fields of type `Amount`, however deep in it, are in its `currency`; null: they are no money."""

    currency: str | None

    @model_validator(mode="after")
    def _write(self) -> Self:
        if self.currency:
            self.__dict__.update(_written(self, self.currency))
        return self


def _written(of: BaseModel, currency: str) -> dict[str, Any]:
    """The fields that read otherwise in that currency."""
    found: dict[str, Any] = {}
    for name, field in type(of).model_fields.items():
        value = getattr(of, name)
        if not isinstance(value, Decimal):
            found[name] = _inner(value, currency)
        elif any(isinstance(mark, AmountMark) for mark in field.metadata):
            found[name] = in_minor_units(value, currency)
    return {name: value for name, value in found.items() if value is not getattr(of, name)}


def _inner(value: Any, currency: str) -> Any:
    if isinstance(value, BaseModel):
        return value.model_copy(update=_written(value, currency))
    if isinstance(value, (list, tuple)):
        return type(value)(_inner(item, currency) for item in value)
    return value
