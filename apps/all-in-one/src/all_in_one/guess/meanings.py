"""What each file is about and what its columns mean: by their names, by what stands in them, by each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from all_in_one.guess.contents import Column, Content
from all_in_one.guess.words import ABOUT, CONTENT, FILES, KNOWN, TELLING, Kind, plain

Sure = Literal["sure", "likely", "unsure"]
ALIKE = 0.85
SHORTEST = 4
"""Letters of a name that may be recognised at the end of another; two for Chinese. What comes last is what it is."""
TOLD = 5
"""So much must speak for a kind of file."""
CONTAINED = 0.95


class Match(NamedTuple):
    """A column understood: as what, how surely, and why."""

    meaning: str
    sure: Sure
    why: str


@dataclass
class Understood:
    """A file whose kind is known; `columns`: by meaning the column, `why`: by column how it was understood."""

    content: Content
    kind: Kind
    columns: dict[str, str] = field(default_factory=dict)
    why: dict[str, Match] = field(default_factory=dict)

    def __contains__(self, meaning: str) -> bool:
        return meaning in self.columns

    def column(self, meaning: str) -> Column:
        return self.content.columns[self.columns[meaning]]

    def take(self, column: str, match: Match) -> None:
        self.columns[match.meaning], self.why[column] = column, match

    @property
    def free(self) -> Iterator[Column]:
        """Columns that mean nothing yet."""
        return (c for name, c in self.content.columns.items() if name not in self.why)


def understood(contents: Sequence[Content]) -> tuple[list[Understood], list[Content]]:
    """The files that can be imported, and those that say nothing we know."""
    found, strange = list[Understood](), list[Content]()
    for content in contents:
        names = {name: named(name) for name in content.columns}
        kind = _kind(content, names)
        if kind is None:
            strange.append(content)
        else:
            found.append(_by_name(content, kind, names))
    for file in found:
        _by_reference(file, found)
        _by_content(file)
    return found, strange


def named(name: str) -> tuple[str, Sure] | None:
    """What a column of that name means, by the name alone."""
    asked = plain(name)
    if meaning := KNOWN.get(asked):
        return meaning, "sure"
    parts = [word for word in KNOWN if len(word) >= (SHORTEST if word.isascii() else 2) and asked.endswith(word)]
    if parts:
        return KNOWN[max(parts, key=len)], "likely"
    ratio, nearest = max((SequenceMatcher(None, asked, word).ratio(), word) for word in KNOWN)
    return (KNOWN[nearest], "likely") if ratio >= ALIKE else None


def _kind(content: Content, names: Mapping[str, tuple[str, Sure] | None]) -> Kind | None:
    meanings = {found[0] for found in names.values() if found}
    file, scores = plain(content.name), dict[Kind, int]()
    for kind, words in FILES.items():
        named = TOLD if any(word in file for word in words) else 0
        scores[kind] = named + sum(points for meaning, points in TELLING[kind].items() if meaning in meanings)
    best = max(scores, key=lambda kind: scores[kind])
    return best if scores[best] >= TOLD else None


def _by_name(content: Content, kind: Kind, names: Mapping[str, tuple[str, Sure] | None]) -> Understood:
    """Of several columns of one meaning the one that is called so most surely, and the first of those."""
    file = Understood(content, kind)
    for wanted in ("sure", "likely"):
        for column, found in names.items():
            if found is None or found[1] != wanted or column in file.why:
                continue
            meaning = _meant(found[0], file)
            if meaning not in file and content.is_a(CONTENT.get(meaning, "text"), column):
                sure: Sure = "likely" if meaning != found[0] else found[1]
                file.take(column, Match(meaning, sure, "name"))
    return file


def _meant(meaning: str, file: Understood) -> str:
    """What a name means in a file of that kind: `amount` among payments is what was paid."""
    about = ABOUT[file.kind]
    own = about.get(meaning, meaning)
    return meaning if own in file and not meaning.startswith("any_") else own


def _by_reference(file: Understood, files: Sequence[Understood]) -> None:
    """Columns whose values are the keys of another file."""
    for kind, meaning, here in (
        ("customers", "customer", "customer"),
        ("orders", "order", "order"),
        ("invoices", "invoice", "pays"),
    ):
        if here in file or (kind == file.kind and kind != "customers"):
            continue
        for other in files:
            if other is file or other.kind != kind or meaning not in other:
                continue
            known = set(other.column(meaning).values)
            column = next((c for c in file.free if _contained(c, known)), None)
            if column:
                file.take(column.name, Match(here, "likely", f"its values are in {other.content.name}"))
                break


def _contained(column: Column, known: set[str]) -> bool:
    good = sum(1 for value in column.values if value in known)
    return len(known) > 1 and bool(good) and good >= CONTAINED * len(column.values)


def _by_content(file: Understood) -> None:
    """What a file of that kind needs and no column is called: the only column, or the first, that could be it."""
    content = file.content
    key = {"customers": "customer", "orders": "order", "invoices": "invoice", "payments": "payment"}[file.kind]
    if key not in file and file.kind != "orders" and (column := next((c for c in file.free if c.is_key), None)):
        file.take(column.name, Match(key, "unsure", "each row has one of its own"))
    dates = [c for c in file.free if c.name in content.dates]
    if (needed := ABOUT[file.kind]["any_date"]) not in file and dates:
        file.take(dates[0].name, Match(needed, "unsure", "it holds dates"))
    needed = ABOUT[file.kind].get("any_amount", "")
    amounts = [c for c in file.free if c.name in content.numbers and c.name not in content.dates]
    if needed and not {needed, "net"} & file.columns.keys() and len(amounts) == 1:
        file.take(amounts[0].name, Match(needed, "unsure", "it holds the only numbers"))
