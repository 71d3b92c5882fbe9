"""Every rule with its sentences, its place in the code and the test that shows it."""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chassis.problems import OWNER, Fault, template
from chassis.service import Service
from engine.decider import NotFound, Rejected, Waits

BASES = (Rejected, NotFound, Waits, Fault)
_TEST = re.compile(r"\s*(?:async )?def (test_\w+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as people read it."""

    service: str
    code: str
    status: int
    en: str
    zh: str
    file: str
    line: int
    test: str | None

    @property
    def type(self) -> str:
        return f"/problems/{self.service}/{self.code}"


def classes(service: Service) -> Mapping[str, type[Rejected]]:
    """Code -> rule, of all rules of `service`: those its manifest names and all others its package defines."""
    named = [rule for decider in service.deciders for rule in decider.rules] + list(service.rules)
    packages = {_package(d.decide) for d in service.deciders} | {_package(r) for r in named}
    packages -= {"engine", "chassis", "events"}
    own = [rule for rule in _subclasses(Rejected) if _package(rule) in packages]
    return {rule.code(): rule for rule in [*own, *named]}


def faults() -> Mapping[str, type[Rejected]]:
    """Code -> refusal of the chassis itself, and of the engine."""
    own = [r for r in _subclasses(Rejected) if _package(r) in ("chassis", "engine") and r not in BASES]
    return {rule.code(): rule for rule in own}


def index(services: Sequence[Service]) -> list[Rule]:
    """All rules of `services` and of the chassis, sorted by type."""
    found = [_rule(OWNER, rule) for rule in faults().values()]
    for service in services:
        found += [_rule(service.name, rule) for rule in classes(service).values()]
    return sorted(found, key=lambda r: r.type)


def shortcomings(rules: Iterable[Rule]) -> list[str]:
    """What is missing: a sentence, its Chinese, a test. Empty when every rule is complete."""
    found: list[str] = []
    for rule in rules:
        found += [f"{rule.type} ({rule.file}:{rule.line}) has no {what}" for what in _lacking(rule)]
    return found


def reference(rules: Sequence[Rule]) -> str:
    """docs/reference/rules.md."""
    lines = ["# Rules", "", "Generated. Each refusal names its rule as problem `type`; GET the type to read it.", ""]
    lines += ["| type | status | sentence | 中文 | code | test |", "|---|---|---|---|---|---|"]
    for r in rules:
        lines.append(f"| `{r.type}` | {r.status} | {r.en} | {r.zh} | `{r.file}` | `{r.test}` |")
    return "\n".join([*lines, ""])


def _lacking(rule: Rule) -> Iterator[str]:
    if not rule.en:
        yield "sentence (docstring)"
    if not rule.zh:
        yield "Chinese sentence (zh)"
    if rule.test is None:
        yield "test that names it"


def _rule(service: str, rule: type[Rejected]) -> Rule:
    path = Path(inspect.getsourcefile(rule) or "")
    status = rule.status if issubclass(rule, Fault) else 404 if issubclass(rule, NotFound) else 409
    english = template(rule) if rule.__dict__.get("__doc__") else ""
    chinese = rule.__dict__.get("zh", "")
    return Rule(
        service, rule.code(), status, english, chinese, _relative(path), _lines(path)[rule.__name__], _test_of(rule)
    )


@cache
def _lines(path: Path) -> Mapping[str, int]:
    """Name of a class of this file -> the line it begins on."""
    return {n.name: n.lineno for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ClassDef)}


def _relative(path: Path) -> str:
    root = _root()
    return path.relative_to(root).as_posix() if root and path.is_relative_to(root) else path.name


@cache
def _root() -> Path | None:
    """The work tree this code runs in; None where it is installed without one."""
    return next((p for p in Path(__file__).resolve().parents if (p / "requirements.lock").is_file()), None)


def _test_of(rule: type[Rejected]) -> str | None:
    return _tests().get(rule.__name__) or _tests().get(rule.code())


@cache
def _tests() -> Mapping[str, str]:
    """Name of a class, or code of a rule -> the first test that mentions it."""
    root = _root()
    found: dict[str, str] = {}
    for path in sorted(root.glob("*/*/tests/**/test_*.py")) + sorted(root.glob("tests/**/test_*.py")) if root else ():
        file = _relative(path)
        for word, test in _mentions(path):
            found.setdefault(word, f"{file}::{test}")
    return found


def _mentions(path: Path) -> Iterator[tuple[str, str]]:
    test: str | None = None
    for line in path.read_text().splitlines():
        start = _TEST.match(line)
        test = start[1] if start else test
        if test:
            yield from ((word, test) for word in re.findall(r"[A-Za-z][A-Za-z0-9-]+", line))


def _subclasses(rule: type[Rejected]) -> Iterator[type[Rejected]]:
    for sub in rule.__subclasses__():
        if ".testing" not in sub.__module__:
            yield sub
        yield from _subclasses(sub)


def _package(thing: object) -> str:
    return str(getattr(thing, "__module__", "")).partition(".")[0]
