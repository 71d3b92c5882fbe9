"""What a mapping says: which CSV files there are and how their rows become ERP documents. Kept as TOML.

docs/reference/import.md shows everything a mapping can say, each with an example.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from events.erp import DOCUMENTS, Document

BY_TYPE: Mapping[str, type[Document]] = {d.type: d for d in DOCUMENTS}


class MappingError(Exception):
    """The mapping or the files do not fit together; the message says where and what to do."""


def near(name: str, known: tuple[str, ...] | list[str]) -> str:
    """What there is, and what was probably meant."""
    by_folded = {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    meant = f"; did you mean {by_folded[close[0]]!r}?" if close else ""
    return f"there are {', '.join(known)}{meant}" if known else "there is none"


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _known_type(name: str) -> str:
    if name not in BY_TYPE:
        raise ValueError(f"{name!r} is not a document type; {near(name, list(BY_TYPE))}")
    return name


def _one_or_more(item: type) -> Any:
    return Annotated[tuple[item, ...], BeforeValidator(_listed)]  # type: ignore[valid-type]


def both(on: str | Mapping[str, str]) -> tuple[str, str]:
    """The column here and the one there by which rows belong together: one name, or ``{ here = "there" }``.

    Raises MappingError.
    """
    if isinstance(on, str):
        return on, on
    if len(on) != 1:
        raise MappingError(f"rows belong together by one column here and one there, not by {dict(on)}")
    return next(iter(on.items()))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


class CsvFile(_Part):
    """One file. What is not said is found out: `delimiter` and `encoding` from the file itself.

    `header` is the line with the column names, `empty` what is written where there is nothing, `date` and `decimal` how
    dates (strptime) and numbers are written. `join` adds the columns of another file's row.
    """

    path: str
    delimiter: Annotated[str | None, Field(min_length=1, max_length=1)] = None
    encoding: str | None = None
    header: Annotated[int, Field(ge=1)] = 1
    empty: tuple[str, ...] = ()
    date: _one_or_more(str) = ()  # type: ignore[valid-type]
    decimal: Annotated[str | None, Field(pattern=r"^[.,]$")] = None
    join: dict[str, str | dict[str, str]] = {}


class Condition(_Part):
    """Holds for a row whose `column` is one of a list, is none of it, is a number above or below another."""

    column: str
    is_: Annotated[tuple[str, ...] | None, Field(alias="is")] = None
    is_not: tuple[str, ...] | None = None
    above: Decimal | None = None
    below: Decimal | None = None


class DocumentMapping(_Part):
    """One document of each row of `from` for which all of `when` and none of `unless` holds.

    `once`: only of the first such row for each value of a column. `recorded`: the day it became known, if later.
    """

    type: Annotated[str, AfterValidator(_known_type)]
    from_: Annotated[str, Field(alias="from")]
    when: _one_or_more(Condition) = ()  # type: ignore[valid-type]
    unless: _one_or_more(Condition) = ()  # type: ignore[valid-type]
    once: str | None = None
    id: str
    effective: str | date
    recorded: str | date | None = None
    fields: dict[str, Any]


class FileMapping(_Part):
    """How the files of one system become documents. `source` is the CloudEvents source they will carry."""

    name: str
    source: str
    files: dict[str, CsvFile]
    documents: tuple[DocumentMapping, ...]


@dataclass(frozen=True, slots=True)
class Drafted:
    """One document read from line `line` of `file`, or the row that made none.

    `problem` says why, `column` and `value` what was wrong; `data` is then empty. `order` places documents of one date.
    `recorded`: the day it became known, where that was not the day it is effective on.
    """

    file: str
    line: int
    type: str
    id: str
    effective: date
    data: Mapping[str, Any]
    problem: str | None = None
    recorded: date | None = None
    column: str = ""
    value: str = ""
    order: int = 0


def load(name_or_path: str) -> FileMapping:
    """A mapping shipped with Kehu by its name, or one of your own by its path. Raises MappingError."""
    shipped = resources.files("all_in_one") / "mappings" / f"{name_or_path}.toml"
    try:
        text = shipped.read_text() if shipped.is_file() else Path(name_or_path).read_text("utf-8-sig")
        return FileMapping.model_validate(tomllib.loads(text))
    except OSError:
        names = sorted(Path(str(f)).stem for f in (resources.files("all_in_one") / "mappings").iterdir())
        raise MappingError(
            f"no mapping {name_or_path!r}: give the path of a .toml file or one of: {', '.join(names)}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as bad:
        raise MappingError(f"{name_or_path} is not a mapping: {bad}") from bad
    except ValidationError as bad:
        raise MappingError(f"{name_or_path} is not a mapping: {_sentences(bad)}") from bad


def _sentences(bad: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in bad.errors())
