"""docs/reference/command.md: every command of `kehu` with its options, described by the library that reads them."""

from html import unescape

from typer.cli import app as typer_command
from typer.testing import CliRunner

INTRODUCTION = """\
# The command `kehu`

Generated. How to work with it: [operate-embedded](../how-to/operate-embedded.md).

- Results go to stdout; sentences, progress and warnings to stderr. Without a terminal: no colours, no progress, tables
  separated by tabs.
- `--json` prints one JSON document and nothing else on stdout (`events tail` and `events grep`: one event a line).
  Members are added, never renamed or removed.
- Exit codes: 0 done; 1 refused, or something is not well; 2 not understood.
- What destroys says what it would do, and does it only with `--yes`; what cannot be taken back has `--dry-run`.
"""


def reference() -> str:
    """The page. Raises RuntimeError where the library does not describe the command."""
    done = CliRunner().invoke(typer_command, ["all_in_one.cli", "utils", "docs", "--name", "kehu"])
    if done.exit_code != 0:
        raise RuntimeError(done.output)
    body = done.stdout.partition("\n## ")[2]
    return f"{INTRODUCTION}\n## {unescape(body).rstrip()}\n"
