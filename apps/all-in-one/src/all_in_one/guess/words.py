"""The vocabulary of words.toml, and how a name is compared with it."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

Kind = Literal["customers", "orders", "invoices", "payments"]
_SAID: Mapping[str, Any] = tomllib.loads((resources.files("all_in_one.guess") / "words.toml").read_text("utf-8"))
_BRACKETS = re.compile(r"[(\[【].*?[)\]】]")
_MARKS = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """A name as it is compared."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return _MARKS.sub("", _BRACKETS.sub("", text)) or _MARKS.sub("", text)


def _turned(table: Mapping[str, list[str]]) -> Mapping[str, str]:
    return {plain(word): meaning for meaning, words in table.items() for word in words}


KNOWN = _turned(_SAID["columns"])
"""By a column's name as it is compared, its meaning."""
LABELS: Mapping[str, str] = {
    meaning: f"{meaning.replace('_', ' ')} {next((w for w in words if not w.isascii()), '')}".strip()
    for meaning, words in _SAID["columns"].items()
}
"""A meaning as people read it, in both languages."""
CONTENT: Mapping[str, str] = {meaning: kind for kind, meanings in _SAID["content"].items() for meaning in meanings}
FILES: Mapping[Kind, list[str]] = {kind: [plain(word) for word in words] for kind, words in _SAID["files"].items()}
TELLING: Mapping[Kind, Mapping[str, int]] = _SAID["telling"]
ABOUT: Mapping[Kind, Mapping[str, str]] = _SAID["about"]
TYPES = _turned(_SAID["types"])
CURRENCIES = _turned(_SAID["currencies"])
KINDS = _turned(_SAID["kinds"])
"""By a document's kind as it is compared: invoices, credit_notes or payments."""
