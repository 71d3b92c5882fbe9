"""Laws about the shape of the code that no tool knows; each with a sample that keeps it and one that breaks it."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tests.architecture.tree import OURS, SHIPPED, Source, length

FILE, FUNCTION = 400, 40
VAGUE_MODULES = {"utils", "util", "common", "helpers", "helper", "core", "manager", "managers", "dto", "dtos", "misc"}
VAGUE_CLASSES = ("Manager", "Helper", "Helpers", "Dto", "DTO", "Util", "Utils")
DOMAIN = ("libs/events/src", "services/*/src/*/domain")
DOORS = ("services/*/src/*",)
VIEWS = ("services/*/src/*/projections",)


@dataclass(frozen=True)
class Law:
    """`broken` says where a source in one of `folders` breaks it; `good` and `bad` are (path, text)."""

    name: str
    folders: tuple[str, ...]
    broken: Callable[[Source], Iterable[str]]
    good: tuple[str, str]
    bad: tuple[str, str]

    def violations(self, sources: Iterable[Source]) -> list[str]:
        return [f"{s.path}: {what}" for s in sources if s.within(*self.folders) for what in self.broken(s)]


def long_file(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > FILE:
        yield f"{lines} lines"


def long_function(source: Source) -> Iterator[str]:
    return (f"{f.name} has {length(f)} lines" for f in source.functions if length(f) > FUNCTION)


def vague_module(source: Source) -> Iterator[str]:
    names = {source.path.stem, *source.path.parts[3:-1]}
    return (f"{name} says nothing" for name in sorted(names & VAGUE_MODULES))


def vague_class(source: Source) -> Iterator[str]:
    return (f"{c.name} says nothing" for c in source.classes if c.name.endswith(VAGUE_CLASSES))


def deciding_door(source: Source) -> Iterator[str]:
    """A branch in a route or an intake; asking whether something is there at all is none."""
    if "api" not in (source.path.stem, source.path.parent.name) and source.path.stem != "intake":
        return
    for node in source.all(ast.If, ast.IfExp, ast.Match, ast.While, ast.comprehension):
        for test in _tests(node):
            if not _asks_for_none(test):
                yield f"line {test.lineno} branches on {ast.unparse(test)}"


def _tests(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.comprehension):
        return node.ifs
    return [node.subject] if isinstance(node, ast.Match) else [getattr(node, "test")]  # noqa: B009 - If, IfExp, While


def _asks_for_none(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Is, ast.IsNot)) and _none(test.comparators[0])


def _none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def inexact(source: Source) -> Iterator[str]:
    """float, by name or as a literal; as a column's type, too."""
    for node in source.all(ast.Name, ast.Attribute, ast.Constant):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"line {node.lineno}: the literal {node.value!r}"
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name in ("float", "Float", "REAL", "Double", "DOUBLE_PRECISION"):
            yield f"line {getattr(node, 'lineno', 0)}: {name}"


def personal_elsewhere(source: Source) -> Iterator[str]:
    for node in source.all(ast.ImportFrom):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "Personal" for alias in node.names):
            yield f"line {node.lineno}: Personal fields belong into libs/events"


def event_elsewhere(source: Source) -> Iterator[str]:
    for made in source.classes:
        if any(isinstance(base, ast.Name) and base.id == "Event" for base in made.bases):
            yield f"line {made.lineno}: the event {made.name} belongs into libs/events"


def nameless_docstring(source: Source) -> Iterator[str]:
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield "no docstring"


LAWS = (
    Law(
        "a file has 400 lines at most",
        OURS,
        long_file,
        ("tests/a.py", "x = 1\n" * 400),
        ("tests/a.py", "x = 1\n" * 401),
    ),
    Law(
        "a function has 40 lines at most",
        OURS,
        long_function,
        ("tests/a.py", "def f():\n" + "    x = 1\n" * 39),
        ("libs/engine/src/engine/a.py", "class C:\n    async def f(self):\n" + "        x = 1\n" * 40),
    ),
    Law(
        "a module's name says what it holds",
        SHIPPED,
        vague_module,
        ("libs/engine/src/engine/store.py", ""),
        ("services/x-svc/src/x_svc/utils/dates.py", ""),
    ),
    Law(
        "a class's name says what it is",
        OURS,
        vague_class,
        ("libs/engine/src/engine/a.py", "class Store: pass"),
        ("libs/engine/src/engine/a.py", "class StoreManager: pass"),
    ),
    Law(
        "routes and intake decide nothing",
        DOORS,
        deciding_door,
        (
            "services/x-svc/src/x_svc/api.py",
            "def f(row):\n    if row is None:\n        raise missing()\n    return row\n",
        ),
        ("services/x-svc/src/x_svc/api/orders.py", "def f(row):\n    return 1 if row.amount > 100 else 2\n"),
    ),
    Law(
        "money is no float",
        DOMAIN,
        inexact,
        ("libs/events/src/events/a.py", "amount: Decimal = Decimal('0.1') * 2\n"),
        ("services/x-svc/src/x_svc/domain/a.py", "def tax(amount):\n    return amount * 0.13\n"),
    ),
    Law(
        "amounts are columns of exact numbers",
        VIEWS,
        inexact,
        ("services/x-svc/src/x_svc/projections/a.py", "sa.Column('amount', sa.Numeric)\n"),
        ("services/x-svc/src/x_svc/projections/a.py", "sa.Column('amount', sa.Float)\n"),
    ),
    Law(
        "personal fields are those of published events",
        ("services/*/src", "libs/chassis/src", "libs/engine/src", "apps/*/src"),
        personal_elsewhere,
        ("services/x-svc/src/x_svc/domain/a.py", "from events.customer import Contact\n"),
        ("services/x-svc/src/x_svc/domain/a.py", "from events.base import Event, Personal\n"),
    ),
    Law(
        "events are published language",
        ("services/*/src", "libs/chassis/src", "apps/*/src"),
        event_elsewhere,
        ("services/x-svc/src/x_svc/domain/a.py", "class Place(Command): pass\n"),
        ("services/x-svc/src/x_svc/domain/a.py", "class Placed(Event): pass\n"),
    ),
    Law(
        "a module says what it is for",
        SHIPPED,
        nameless_docstring,
        ("libs/engine/src/engine/a.py", '"""Ids."""\n'),
        ("libs/engine/src/engine/a.py", "x = 1\n"),
    ),
)
