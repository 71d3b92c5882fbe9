"""What is made without validating again equals what validation makes, and what is not plainly right is validated."""

from decimal import Decimal
from typing import Annotated, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, field_validator, model_validator

from events.base import Money, NonNegativeMoney, PositiveMoney, Value

AMOUNTS = st.decimals(allow_nan=True, allow_infinity=True, places=None) | st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(-(10**22), 10**22), st.integers(-6, 3)
)
CURRENCIES = st.sampled_from(["CNY", "JPY", "KWD", "CLF", "XXX", "", "cny"])
KINDS = st.sampled_from([Money, NonNegativeMoney, PositiveMoney])


def described(kind: type[Money], amount: Decimal, currency: str, *, quickly: bool) -> str:
    try:
        made = kind.of(amount, currency) if quickly else kind(amount=amount, currency=currency)
    except ValidationError as error:
        return str([e["msg"] for e in error.errors()])
    return f"{made!r} {made.model_dump_json()} {sorted(made.model_fields_set)}"


@given(KINDS, AMOUNTS, CURRENCIES)
def test_money_made_of_our_own_sums_is_what_validation_makes(kind: type[Money], amount: Decimal, currency: str) -> None:
    assert described(kind, amount, currency, quickly=True) == described(kind, amount, currency, quickly=False)


class Asked(Value):
    name: Annotated[str, Field(max_length=5)]
    amount: PositiveMoney | None = None


class Told(Value):
    name: Annotated[str, Field(max_length=5)]
    amount: PositiveMoney | None = None


class Longer(Value):
    name: Annotated[str, Field(max_length=9)]
    amount: PositiveMoney | None = None


class Stricter(Told):
    @model_validator(mode="after")
    def _named(self) -> Self:
        raise ValueError("never")


class Narrower(Told):
    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        raise ValueError("never")


def test_a_value_is_told_as_another_of_the_same_fields() -> None:
    asked = Asked(name="Lin", amount=PositiveMoney(amount=Decimal("1.50"), currency="CNY"))
    told = asked.told_as(Told)
    assert told == Told(name="Lin", amount=asked.amount)
    assert Asked(name="Lin").told_as(Told).model_dump(exclude_unset=True) == {"name": "Lin"}
    assert told.model_copy(update={"name": "Wu"}) == Told(name="Wu", amount=asked.amount)
    assert asked.name == "Lin"


@pytest.mark.parametrize("other", [Longer, Stricter, Narrower, Money])
def test_nothing_is_told_as_what_might_refuse_it(other: type[Value]) -> None:
    with pytest.raises(TypeError, match="not of the same fields"):
        Asked(name="Lin").told_as(other)
