"""`kehu import --guess`: a mapping for any CSV files, shown and confirmed before it is written; nothing is sent."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from all_in_one.commands.terminal import Refused, out, print_json
from all_in_one.drafting import Folder
from all_in_one.guess.contents import Answers, Question
from all_in_one.guess.guessing import Guess, guessed
from all_in_one.guess.meanings import Match, Understood
from all_in_one.guess.words import LABELS
from all_in_one.mapping import Drafted, MappingError

TRIED = 5000
"""Documents made to see whether the mapping fits."""
SHOWN = 5


@dataclass
class Trial:
    """The mapping tried on the files: how many documents of each type, the first of each, and what does not fit."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, guess: Guess, folder: Path) -> "Trial":
        trial = cls()
        try:
            for draft in islice(Folder(guess.mapping, folder).drafts(), TRIED):
                trial.add(draft)
        except MappingError as wrong:
            trial.problems.append(str(wrong))
        return trial

    def add(self, draft: Drafted) -> None:
        if draft.problem:
            self.problems.append(
                f"{draft.file} line {draft.line}, column {draft.column}: {draft.value!r}: {draft.problem}"
            )
        else:
            self.counts[draft.type] += 1
            self.first.setdefault(draft.type, draft.data)


def guess(folder: Path, target: Path, answers: Answers, *, yes: bool, as_json: bool) -> None:
    """Show what is understood of a folder, ask, write the mapping. Raises Refused, MappingError."""
    if target.exists() and not yes:
        raise Refused(f"{target} is there already: name another file with --out, or say --yes to replace it")
    found = _answered(folder, answers, ask=not (yes or as_json))
    trial = Trial.of(found, folder)
    if as_json:
        print_json(_told(found, trial))
    else:
        _show(found, trial)
    if not (yes or as_json):
        typer.confirm(f"Write this mapping to {target}?", abort=True)
    target.write_text(found.text, "utf-8")
    if not as_json:
        out.print(escape(f"{target} is written. Next: kehu import {target} {folder} --dry-run"))


def _answered(folder: Path, answers: Answers, *, ask: bool) -> Guess:
    """The guess, every question of it answered. Raises Refused where nobody can be asked."""
    while (found := guessed(folder, answers)).questions:
        if not ask:
            told = "; ".join(_question(q) for q in found.questions)
            raise Refused(f"the files leave something open, and it is not guessed: {told}")
        question = found.questions[0]
        out.print(escape(question.text))
        choices = typer.prompt(
            f"--{question.option}" + (f" ({', '.join(question.choices)})" if question.choices else "")
        )
        answers = replace(answers, **{question.option: choices})
    return found


def _question(question: Question) -> str:
    choices = " or ".join(f'"{c}"' for c in question.choices)
    return f"{question.text}: say --{question.option}" + (f" {choices}" if choices else "")


def _told(found: Guess, trial: Trial) -> dict[str, Any]:
    columns = [
        {"file": f.content.name, "kind": f.kind, "column": c, "meaning": m.meaning, "sure": m.sure, "why": m.why}
        for f in found.files.values()
        for c, m in f.why.items()
    ]
    return {
        "columns": columns,
        "not_understood": [c.name for c in found.strange],
        "notes": found.notes,
        "documents": dict(trial.counts),
        "first": trial.first,
        "problems": trial.problems[:SHOWN],
        "mapping": found.text,
    }


def _show(found: Guess, trial: Trial) -> None:
    for file in found.files.values():
        out.print(_table(file))
    for content in found.strange:
        out.print(escape(f"{content.name}: nothing is understood of it"))
    for note in found.notes:
        out.print(escape(note))
    for kind, count in trial.counts.items():
        out.print(escape(f"{count:>6} {kind}, the first: {trial.first[kind]}"))
    for problem in trial.problems[:SHOWN]:
        out.print(f"[yellow]does not fit:[/yellow] {escape(problem)}")
    if len(trial.problems) > SHOWN:
        out.print(f"... and {len(trial.problems) - SHOWN} more")


def _table(file: Understood) -> Table:
    """A file's columns and what they are taken for."""
    content = file.content
    title = f"{content.name}: {file.kind}, {content.table.encoding}, delimiter {content.table.delimiter!r}"
    table = Table("column", "is", "sure?", "such as", title=escape(title), title_justify="left")
    for name, column in content.columns.items():
        table.add_row(*map(escape, (name, *_meant(file.why.get(name)), column.example)))
    return table


def _meant(match: Match | None) -> tuple[str, str]:
    if match is None:
        return "not used", ""
    return LABELS[match.meaning], match.sure if match.sure == "sure" else f"{match.sure}: {match.why}"
