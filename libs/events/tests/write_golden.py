"""Writes the golden file of every event that has none; an existing one is never touched: what was published stays.

python libs/events/tests/write_golden.py
"""

import json
from pathlib import Path

from events.base import Event
from events.registry import ALL
from events.samples import sample

GOLDEN = Path(__file__).parent / "golden"


def path_of(event: type[Event]) -> Path:
    """``golden/credit.Allocated.v1.json``."""
    return GOLDEN / f"{event.qualified()}.json"


def main() -> None:
    for event in ALL:
        if not path_of(event).exists():
            text = json.dumps(sample(event).model_dump(mode="json"), ensure_ascii=False, indent=2)
            path_of(event).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
