"""Templates of sentences: ``Invoice {invoice} over {amount}[, due {due}]``.

``{a.b}`` is a field of a field, or a value made by `also`. ``{subject!w}`` is a code, put into words. A part in
brackets is left out where one of its values is missing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from string import Formatter
from typing import Any, Literal, TypeAlias

from events.base import Event, Money
from events.currencies import in_minor_units
from events.sentences.words import CURRENCIES, WORDS

Language: TypeAlias = Literal["en", "zh-CN"]
LONGEST = 120
"""Characters of a text that are shown."""
_PARTS = re.compile(r"(\[[^\]]*\])")
_MISSING: tuple[Any, ...] = (None, "", [], {})


def _nothing(_: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Sentence:
    """The templates of one event; `also` makes the values that are no fields of it."""

    en: str
    zh: str
    also: Callable[[Any], Mapping[str, Any]] = field(default=_nothing)

    @cached_property
    def _getters(self) -> Mapping[str, Callable[[Any], Any]]:
        """How the value of each placeholder is read from an event."""
        names = (name for text in (self.en, self.zh) for _, name, _, _ in Formatter().parse(text))
        return {name: attrgetter(name) for name in names if name}

    @cached_property
    def _parts(self) -> Mapping[Language, list["_Part"]]:
        return {"en": _parsed(self.en), "zh-CN": _parsed(self.zh)}

    def values(self, event: Event) -> dict[str, Any]:
        """What the templates name, as JSON."""
        made = self.also(event)
        found = [(name, _plain(made[name] if name in made else get(event))) for name, get in self._getters.items()]
        return {name: value for name, value in found if value not in _MISSING}

    def told(self, values: Mapping[str, Any], language: Language) -> str:
        """The sentence in `language`."""
        return "".join(part.told(values, language) for part in self._parts[language])


@dataclass(frozen=True)
class _Part:
    pieces: tuple[tuple[str, str | None, str | None], ...]
    optional: bool

    def told(self, values: Mapping[str, Any], language: Language) -> str:
        if self.optional and any(name and name not in values for _, name, _ in self.pieces):
            return ""
        return "".join(text + _shown(name, kind, values, language) for text, name, kind in self.pieces)


def _parsed(template: str) -> list[_Part]:
    return [_part(text) for text in _PARTS.split(template) if text]


def _part(text: str) -> _Part:
    pieces = tuple((literal, name, kind) for literal, name, _, kind in Formatter().parse(text.strip("[]")))
    return _Part(pieces, text.startswith("["))


def _shown(name: str | None, kind: str | None, values: Mapping[str, Any], language: Language) -> str:
    if name is None:
        return ""
    value = values.get(name, "")
    of = value if isinstance(value, list) else [value]
    if kind == "w":
        texts = [word(name.rpartition(".")[2], code, language) for code in of]
    else:
        texts = [_text(one, language) for one in of]
    return ("、" if language == "zh-CN" else ", ").join(texts)


def word(group: str, code: str, language: Language) -> str:
    """A code in words, as the last name of its placeholder groups them. Raises KeyError for one nobody translated."""
    return WORDS[group][code][0 if language == "en" else 1] if code else ""


def _text(value: Any, language: Language) -> str:
    match value:
        case {"amount": amount, "currency": currency}:
            return _money(Decimal(amount), currency, language)
        case {"days": days}:
            return f"{_number(days)} 天" if language == "zh-CN" else f"{_number(days)} days"
        case {"share": share}:
            return f"{_number(str(Decimal(share) * 100))}%"
        case str() if len(value) > LONGEST:
            return f"{value[:LONGEST]}…"
        case _:
            return str(value)


def _money(amount: Decimal, currency: str, language: Language) -> str:
    figure = f"{in_minor_units(amount, currency):,}"
    if language == "zh-CN":
        return f"{figure} {CURRENCIES.get(currency, currency)}"
    return f"{currency} {figure}"


def _number(text: str) -> str:
    return f"{Decimal(text).normalize():,f}"


def _plain(value: Any) -> Any:
    if type(value) is str:  # most are: asking an abstract class costs more than all the rest
        return value
    match value:
        case Money():
            return {"amount": str(value.amount), "currency": value.currency}
        case date() | datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
        case tuple() | list():
            return [_plain(one) for one in value]
        case _:
            return value
