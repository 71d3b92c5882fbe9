"""docs/reference/differences.md: where we differ from other systems on purpose, out of the cases that are replayed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CASES = Path(__file__).resolve().parent.parent / "tests" / "peers" / "cases.json"


def differences() -> str:
    """The page: conventions that others answer otherwise, and the replayed cases in which our number is another one."""
    told = json.loads(CASES.read_text())
    differing = [case for case in told["cases"] if "why" in case]
    number, same = len(told["cases"]), len(told["cases"]) - len(differing)
    lines = [
        "# Where we differ from other systems",
        "",
        f"Generated from tests/peers/cases.json, whose {number} cases `tests/peers` replays: {same} give the",
        f"same number here, {len(differing)} another one on purpose. {told['about']}",
        "",
        "## Conventions",
        "",
        *_table(("question", "who", "theirs", "ours"), [tuple(c.values()) for c in told["conventions"]]),
        "",
        "## Cases",
        "",
        *_table(("case", "from", "theirs", "ours", "why"), [_row(case) for case in differing]),
        "",
        "## Cases that agree",
        "",
        *_table(("kind", "cases"), _agreeing([case for case in told["cases"] if "why" not in case])),
    ]
    return "\n".join([*lines, ""])


def _row(case: Mapping[str, Any]) -> tuple[str, ...]:
    source = f"{case['peer']}: {case['source']}"
    return f"`{case['id']}`", source, _written(case["theirs"]), _written(case["ours"]), case["why"]


def _agreeing(cases: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    kinds = dict.fromkeys(case["kind"] for case in cases)
    return [
        (kind, "; ".join(f"`{c['id']}` ({c['peer']}: {c['source']})" for c in cases if c["kind"] == kind))
        for kind in kinds
    ]


def _written(value: Any) -> str:
    return "null" if value is None else value if isinstance(value, str) else f"`{json.dumps(value)}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
