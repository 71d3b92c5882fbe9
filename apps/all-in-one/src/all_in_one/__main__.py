"""`python -m all_in_one` is the `kehu` command."""

from all_in_one.cli import app

app(prog_name="kehu")
