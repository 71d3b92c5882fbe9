"""The source files of the tree, each read and parsed once for all laws."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
SHIPPED = ("libs/*/src", "services/*/src", "apps/*/src")
OURS = (*SHIPPED, "libs/*/tests", "services/*/tests", "apps/*/tests", "tests", "tools", "bench")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """One file; `path` is relative to the root of the tree."""

    path: PurePosixPath
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, path: str, text: str) -> "Source":
        return cls(PurePosixPath(path), text, ast.parse(text, path))

    def within(self, *patterns: str) -> bool:
        """Whether the file lies in one of these folders (``services/*/src``)."""
        folders = [str(p) for p in self.path.parents]
        return any(
            PurePosixPath(f).match(pattern) and f.count("/") == pattern.count("/")
            for f in folders
            for pattern in patterns
        )

    def all(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    @property
    def functions(self) -> Iterator[Function]:
        return (n for n in ast.walk(self.tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))

    @property
    def classes(self) -> Iterator[ast.ClassDef]:
        return (n for n in ast.walk(self.tree) if isinstance(n, ast.ClassDef))


def files(*patterns: str) -> Sequence[Path]:
    """The Python files in the folders that are meant."""
    return sorted({path for pattern in patterns for folder in ROOT.glob(pattern) for path in folder.rglob("*.py")})


@cache
def sources() -> Sequence[Source]:
    """Every Python file of ours."""
    return [Source.of(f.relative_to(ROOT).as_posix(), f.read_text()) for f in files(*OURS)]


def length(function: Function) -> int:
    """Lines of a function, decorators left out."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def modules() -> Iterator[str]:
    """The name of every module that ships, those that run when imported left out."""
    for file in files(*SHIPPED):
        if file.name not in ("__main__.py", "env.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts[3:]
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
