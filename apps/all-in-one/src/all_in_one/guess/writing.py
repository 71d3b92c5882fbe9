"""A guessed mapping as TOML that a person reads: comments say what is unsure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from all_in_one.guess.documents import Composed
from all_in_one.guess.meanings import Understood
from all_in_one.mapping import CsvFile

LONGEST = 110


def written(name: str, files: Mapping[str, Understood], documents: Sequence[Composed], notes: Sequence[str]) -> str:
    """The text of the mapping."""
    lines = [
        f"# Guessed from {', '.join(f.content.name for f in files.values())}. Lines marked `unsure` want a look.",
        *(f"# {note}" for note in notes),
        f"name = {_value(name)}",
        f"source = {_value(f'//{name}/csv')}",
    ]
    for key, file in files.items():
        lines += ["", f"[files.{key}]", *_file(file.content.file), *_columns(file)]
    for document in documents:
        lines += ["", *(f"# unsure: {note}" for note in document.notes), "[[documents]]", *_document(document)]
    return "\n".join(lines) + "\n"


def _file(file: CsvFile) -> Iterator[str]:
    yield f"path = {_value(file.path)}"
    for key, usual in (
        ("encoding", None),
        ("delimiter", None),
        ("header", 1),
        ("empty", ()),
        ("date", ()),
        ("decimal", None),
    ):
        value = getattr(file, key)
        if value != usual:
            yield f"{key} = {_value(list(value) if isinstance(value, tuple) else value)}"


def _columns(file: Understood) -> Iterator[str]:
    """What was understood, for the reader."""
    for column, match in file.why.items():
        if match.sure != "sure":
            yield f"# {_line(column)}: {match.meaning}, {match.sure} ({match.why})"
    if rest := [c for c in file.content.columns if c not in file.why]:
        yield f"# not used: {_line(', '.join(rest))}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _document(document: Composed) -> Iterator[str]:
    for key, value in document.said.items():
        if key != "fields":
            yield f"{key} = {_value(value)}"
    yield from _table("documents.fields", document.said["fields"])


def _table(path: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Short members on a line each, then tables that are long."""
    lines = {key: f"{_key(key)} = {_value(value)}" for key, value in table.items()}
    long = [key for key, line in lines.items() if len(line) > LONGEST and isinstance(table[key], dict)]
    yield f"[{path}]"
    yield from (line for key, line in lines.items() if key not in long)
    for key in long:
        yield from _table(f"{path}.{_key(key)}", table[key])


def _value(value: Any) -> str:
    match value:
        case date():
            return value.isoformat()
        case dict():
            return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").isalnum() else json.dumps(name, ensure_ascii=False)
