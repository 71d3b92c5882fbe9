"""Writes down each schema as it is published: ``libs/events/src/events/published``.

`python -m tools.published` adds those that are missing and brings up to date those that changed as they may; what was
published otherwise stays, and it says why. Earlier versions stay for good: they are still read, and given out.
"""

import json
import sys
from pathlib import Path

from chassis.schemas import present, published
from events.upcasts import UPCASTS
from tools.compatibility import complaints, fits

PLACE = Path(__file__).resolve().parent.parent / "libs" / "events" / "src" / "events" / "published"


def main() -> int:
    """The exit code: 1 where a change is not allowed."""
    before = {str(schema["title"]): schema for schema in published()}
    for name, shape in present().items():
        if name not in before or fits(shape.kind, shape.schema, before[name]):
            text = json.dumps(shape.schema, ensure_ascii=False, indent=1) + "\n"
            path = PLACE / f"{name}.json"
            if not path.exists() or path.read_text("utf-8") != text:
                path.write_text(text, "utf-8")
                print(f"{name} written")
    left = complaints(present(), {str(schema["title"]): schema for schema in published()}, UPCASTS)
    print("\n".join(left) or "all schemas fit what was published")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
