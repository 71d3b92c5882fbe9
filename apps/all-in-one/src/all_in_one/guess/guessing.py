"""A mapping for any folder of CSV files: what was understood, what it leaves open, and the text of the mapping."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from all_in_one.guess.contents import Answers, Content, Question, looked_at
from all_in_one.guess.documents import Composing
from all_in_one.guess.meanings import Understood, understood
from all_in_one.guess.writing import written
from all_in_one.mapping import FileMapping, MappingError

_FOREIGN = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Guess:
    """`files`: by the name the mapping gives them; `strange`: those that say nothing we know.

    With `questions` there is no `text` yet: they are to be answered first.
    """

    files: dict[str, Understood]
    strange: list[Content]
    questions: list[Question]
    notes: list[str]
    text: str = ""

    @property
    def mapping(self) -> FileMapping:
        return FileMapping.model_validate(tomllib.loads(self.text))


def guessed(folder: Path, answers: Answers) -> Guess:
    """What the CSV files of a folder can become. Raises MappingError where that is nothing."""
    found, strange = understood(looked_at(folder, answers))
    if not found:
        names = ", ".join(c.name for c in strange)
        raise MappingError(f"nothing is understood of {names}: write a mapping by hand (docs/reference/import.md)")
    files = _called(found)
    composing = Composing(files, answers)
    if composing.questions:
        return Guess(files, strange, composing.questions, [])
    documents = composing.documents()
    if not documents:
        raise MappingError("; ".join(composing.notes) or "no file has what a document needs")
    name = _slug(folder.resolve().name, "-") or "import"
    text = written(name, files, documents, composing.notes)
    return Guess(files, strange, [], composing.notes, text)


def _called(found: list[Understood]) -> dict[str, Understood]:
    """Files by the name they have, where that is plain letters, else by their kind; numbered where that is taken."""
    files = dict[str, Understood]()
    for file in found:
        name = _slug(Path(file.content.name).stem, "_")
        wanted = name if name and name[0].isalpha() and file.content.name.isascii() else file.kind
        taken = [k for k in files if k.partition("__")[0] == wanted]
        files[f"{wanted}__{len(taken) + 1}" if taken else wanted] = file
    return files


def _slug(name: str, between: str) -> str:
    return _FOREIGN.sub(between, name).strip(between).lower()
