"""An example of every event and document, made from its fields alone: for golden files, tests and documentation."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from events.base import Money, NonNegativeMoney, PositiveMoney

M = TypeVar("M", bound=BaseModel)
Choose = Callable[[int], int]
"""Given n, one of 0..n-1."""

CURRENCIES = ("CNY", "JPY", "KWD")
IDS = ("A-17", "4711", "org.x:9/z_1@b")
TEXTS = ("as agreed by telephone", "客户已确认", 'with "quotes" and \\ and a\nline')
NUMBERS = ("12", "2.50", "0.1250")
INTEGERS = (2, 7, 30)
DAY = date(2026, 3, 2)
INSTANT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def complete(n: int) -> int:
    """The choice that fills every field and takes the first value of each."""
    return 0


def sample(model: type[M], choose: Choose = complete) -> M:
    """A valid `model`. Raises ValidationError where the choices break a rule over several fields."""
    return model.model_validate(_fields(model, choose))


def _fields(model: type[BaseModel], choose: Choose) -> dict[str, Any]:
    if issubclass(model, Money):
        return {"amount": _amount(model, choose), "currency": CURRENCIES[0]}
    return {name: _field(field, choose) for name, field in model.model_fields.items()}


def _field(field: FieldInfo, choose: Choose) -> Any:
    of = field.annotation
    patterns = [p for mark in field.metadata if (p := getattr(mark, "pattern", None))]
    if of is str and patterns:
        return _pattern(patterns[0], choose)
    return value(of, choose)


def value(of: Any, choose: Choose) -> Any:
    """A value of type `of`, in Python's types."""
    origin, args = get_origin(of), get_args(of)
    if origin is Annotated:
        return _annotated(args[0], args[1:], choose)
    if origin is Literal:
        return _pick(args, choose)
    if origin in (Union, UnionType):
        return _one_of(args, choose)
    if origin is tuple:
        return tuple(value(args[0], choose) for _ in range(1 + choose(3)))
    if origin is dict:
        return {value(args[0], choose): value(args[1], choose) for _ in range(1 + choose(3))}
    if isinstance(of, type) and issubclass(of, BaseModel):
        return _fields(of, choose)
    return _scalar(of, choose)


def _annotated(of: Any, marks: tuple[Any, ...], choose: Choose) -> Any:
    found = [m for mark in marks for m in (mark, *getattr(mark, "metadata", ()))]
    pattern = next((p for m in found if (p := getattr(m, "pattern", None))), None)
    if pattern:
        return _pattern(pattern, choose)
    most = next((m.le for m in found if getattr(m, "le", None) is not None), None)
    if of is Decimal and most is not None:
        return _pick([n for n in map(Decimal, NUMBERS) if n <= most], choose)
    return value(of, choose)


def _one_of(args: tuple[Any, ...], choose: Choose) -> Any:
    chosen = [a for a in args if a is not NoneType]
    if len(chosen) < len(args) and choose(4) == 3:
        return None
    return value(_pick(chosen, choose), choose)


def _scalar(of: Any, choose: Choose) -> Any:
    made: dict[Any, Callable[[], Any]] = {
        str: lambda: _pick(TEXTS, choose),
        bool: lambda: choose(2) == 0,
        int: lambda: _pick(INTEGERS, choose),
        Decimal: lambda: Decimal(_pick(NUMBERS, choose)),
        date: lambda: DAY + timedelta(days=choose(60)),
        datetime: lambda: INSTANT + timedelta(minutes=choose(6000)),
        UUID: lambda: UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0001 + choose(1000)),
    }
    if of not in made:
        raise TypeError(f"no example for {of!r}")
    return made[of]()


def _pattern(pattern: str, choose: Choose) -> str:
    return CURRENCIES[0] if pattern == r"^[A-Z]{3}$" else _pick(IDS, choose)


def _amount(model: type[BaseModel], choose: Choose) -> Decimal:
    amounts: tuple[str, ...] = ("1250.40", "7", "0.01")
    if issubclass(model, NonNegativeMoney):
        amounts += ("0.00",)
    elif not issubclass(model, PositiveMoney):
        amounts += ("-3.20", "0")
    return Decimal(_pick(amounts, choose))


def _pick(of: Sequence[Any], choose: Choose) -> Any:
    return of[choose(len(of))]
