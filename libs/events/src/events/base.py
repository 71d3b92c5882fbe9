"""What every event and document is made of: Event, Money, identifiers, personal fields."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from events.currencies import UNITS, minor_units

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,63}$")]
"""A business key: given by the ERP or drawn by us. Letters, digits and ``._:@/-``, 64 at most."""

CustomerId = Id
"""The customer, by its business key."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Quantity = Annotated[Decimal, Field(max_digits=15, decimal_places=4)]

COMPANY = "company"
"""The context of facts about the selling company itself: open days, going live."""


def _known_currency(code: str) -> str:
    minor_units(code)
    return code


Currency = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{3}$"),
    AfterValidator(_known_currency),
    Field(json_schema_extra={"format": "iso-4217"}),
]


LARGEST = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly."""
_WRITTEN = re.compile(r"(19|2\d)\d\d-\d\d-\d\d")


def written(value: Any) -> Any:
    """A date or moment as people write it. Raises ValueError for a number, which would be seconds since 1970.

    Years from 1900 to 2999: days are added to dates, and no due date may run out of the calendar.
    """
    if isinstance(value, date) or (isinstance(value, str) and _WRITTEN.match(value)):
        return value
    raise ValueError("a date is written 2026-03-01, from 1900 to 2999")


def _bounded(schema: Any) -> Any:
    """`schema` with dates and moments taken as ``written``, whole numbers up to LARGEST, and only true as true."""
    if isinstance(schema, list | tuple):
        return type(schema)(map(_bounded, schema))
    if not isinstance(schema, dict):
        return schema
    match schema.get("type"):
        case "date" | "datetime":
            return core_schema.no_info_before_validator_function(written, cast(CoreSchema, schema))
        case "bool":
            return {"strict": True, **schema}
        case "int":
            return {"le": LARGEST, "ge": -LARGEST, **schema}
        case _:
            return {k: v if k in ("metadata", "serialization") else _bounded(v) for k, v in schema.items()}


V = TypeVar("V", bound="Value")


class Value(BaseModel):
    """An immutable part of an event or command; unknown fields, numbers for dates and numbers too large are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return cast(CoreSchema, _bounded(handler(source)))

    def told_as(self, other: type[V]) -> V:
        """The same content as an `other`, a class of the same fields; nothing is validated again.

        Raises TypeError where the two are not declared alike.
        """
        if not _alike(type(self), other):
            raise TypeError(f"{type(self).__name__} and {other.__name__} are not of the same fields")
        return _made(other, dict(self.__dict__), set(self.model_fields_set))


_set_content = vars(BaseModel)["__dict__"].__set__
_set_given = vars(BaseModel)["__pydantic_fields_set__"].__set__
_set_extra = vars(BaseModel)["__pydantic_extra__"].__set__
_set_private = vars(BaseModel)["__pydantic_private__"].__set__


def _made(model: type[V], content: dict[str, Any], given: set[str]) -> V:
    """A `model` of this content, as it is: faster than `model_construct`, which looks for defaults and aliases."""
    made = model.__new__(model)
    _set_content(made, content)
    _set_given(made, given)
    _set_extra(made, None)
    _set_private(made, None)
    return made


@cache
def _alike(one: type[Value], other: type[Value]) -> bool:
    """Whether what is valid for `one` is for `other`."""
    fields = [{n: (f.annotation, f.metadata) for n, f in model.model_fields.items()} for model in (one, other)]
    rules = other.__pydantic_decorators__
    return fields[0] == fields[1] and not (rules.model_validators or rules.field_validators or rules.validators)


@dataclass(frozen=True, slots=True)
class AmountMark:
    """Marks a number as an amount of money whose currency is told once, around it."""


Amount = Annotated[Decimal, AmountMark()]
"""An amount in the currency of the answer it is part of; written with that currency's decimal places."""
AmountOrNone = Annotated[Decimal | None, AmountMark()]


MOST_DIGITS = 20
PLAIN_BELOW = 16
"""Digits before the point of an amount that needs no closer look, in whatever currency."""


class Money(Value):
    """An amount in the minor units of its ISO 4217 currency; may be negative.

    Raises ValueError (a 422 at the edge) for more places than the currency has: JPY 0, CNY 2, KWD 3.
    """

    amount: Annotated[Decimal, Field(max_digits=MOST_DIGITS, allow_inf_nan=False)]
    currency: Currency

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Self:
        """As calling the class does, in half the time for what is plainly right: results of our own arithmetic.

        Raises pydantic's ValidationError.
        """
        unit = UNITS.get(currency)
        if unit and amount.same_quantum(unit) and amount.adjusted() < PLAIN_BELOW and cls._allows(amount):
            return _made(cls, {"amount": amount, "currency": currency}, {"amount", "currency"})
        return cls(amount=amount, currency=currency)

    @classmethod
    def _allows(cls, amount: Decimal) -> bool:
        return True

    @model_validator(mode="after")
    def _no_finer_than_the_currency(self) -> Self:
        if self.amount.same_quantum(UNITS[self.currency]):
            return self
        places = -int(self.amount.as_tuple().exponent)
        if places > minor_units(self.currency) and self.amount != round(self.amount, minor_units(self.currency)):
            raise ValueError(f"{self.currency} has {minor_units(self.currency)} decimal places, {self.amount} has more")
        return self

    def __add__(self, other: "Money") -> "Money":
        return self._with(self.amount + self._same(other))

    def __sub__(self, other: "Money") -> "Money":
        return self._with(self.amount - self._same(other))

    def __neg__(self) -> "Money":
        return self._with(-self.amount)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def _with(self, amount: Decimal) -> "Money":
        return Money.model_construct(amount=amount, currency=self.currency)

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{other.currency} and {self.currency} cannot be added or compared without a rate")
        return other.amount


class NonNegativeMoney(Money):
    """Money that must not be negative (a limit, a price)."""

    @classmethod
    def _allows(cls, amount: Decimal) -> bool:
        return amount >= 0

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        if not self._allows(self.amount):
            raise ValueError(f"the amount must not be negative, it is {self.amount}")
        return self


class PositiveMoney(Money):
    """Money that must be above zero (an invoice, a payment)."""

    @classmethod
    def _allows(cls, amount: Decimal) -> bool:
        return amount > 0

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if not self._allows(self.amount):
            raise ValueError(f"the amount must be above zero, it is {self.amount}")
        return self


@dataclass(frozen=True, slots=True)
class PersonalMark:
    """Marks a field as personal data; the model that holds it names the person in a field ``person``."""


Personal = Annotated[Annotated[str, StringConstraints(max_length=1000)] | None, PersonalMark()]
"""Text about a living person: encrypted under that person's key wherever it is kept, None once erased."""


class Event(Value):
    """A fact. ``type`` is its name for ever, ``version`` rises when its shape changes (then an upcast is due)."""

    type: ClassVar[str]
    version: ClassVar[int] = 1

    @property
    def about(self) -> str | None:
        """The customer this fact concerns; orders the event within its topic. None: a fact about the company."""
        return getattr(self, "customer", None)

    def effective_on(self) -> date | None:
        """The business date of the fact where it has one of its own; None means the open business day."""
        return None

    @classmethod
    def context(cls) -> str:
        """The context that states this fact: the part of the type before the dot, also its topic."""
        return cls.type.partition(".")[0]

    @classmethod
    def qualified(cls) -> str:
        """The name on the wire, version included: ``credit.InvoiceIssued.v1``."""
        return f"{cls.type}.v{cls.version}"


def personal_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """Names of the fields of `model` that hold personal data."""
    return tuple(n for n, f in model.model_fields.items() if _is_personal(f.metadata))


def _is_personal(metadata: list[Any]) -> bool:
    return any(isinstance(m, PersonalMark) for m in metadata)
