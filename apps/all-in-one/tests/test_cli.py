"""What the command says when it cannot go on."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from all_in_one.cli import PLACES, app
from all_in_one.intakes import intake_prefixes
from all_in_one.services import SERVICES


def commands(of: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words it is called with."""
    for name in of.list_commands(None):
        command = of.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def test_a_mistake_in_the_mappings_name_is_told_without_a_word_about_the_server(tmp_path: Path) -> None:
    stopped = CliRunner().invoke(app, ["import", "classicmodel", str(tmp_path)])
    assert stopped.exit_code == 1
    assert "no mapping 'classicmodel'" in stopped.stderr
    assert "127.0.0.1" not in stopped.output + stopped.stderr


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    (tmp_path / "goods.csv").write_text("good,kind\npump,pumps\n")
    mapping = tmp_path / "shop.toml"
    mapping.write_text('name = "shop"\ndocuments = []\nsource = "//shop"\n[files.goods]\npath = "goods.csv"\n')
    stopped = CliRunner().invoke(app, ["import", str(mapping), str(tmp_path), "--url", "http://127.0.0.1:1"])
    assert stopped.exit_code == 1
    assert "nothing answers at http://127.0.0.1:1;" in stopped.stderr


def test_an_import_loads_no_service_and_knows_who_takes_what_all_the_same() -> None:
    """Each import took two seconds of a processor before it read its first row."""
    heavy = {"fastapi", "sqlalchemy", "duckdb", "credit_svc.service", "customer_svc.service"}
    asked = "import sys, all_in_one.commands.importing; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True).stdout.split()
    assert heavy.isdisjoint(loaded)
    assert intake_prefixes() == {document.type: s.prefix for s in SERVICES for document in s.intake}


COMMANDS = dict(commands(get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_with_an_example_of_itself_and_speaks_json(name: str) -> None:
    command = COMMANDS[name]
    assert f"Example: kehu {name}" in command.help
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options


@pytest.mark.parametrize("name", PLACES)
def test_the_list_of_commands_says_of_each_what_it_says_of_itself(name: str) -> None:
    itself = get_command(app).get_command(None, name)  # type: ignore[attr-defined]
    assert PLACES[name].says == " ".join(itself.help.partition("\n\n")[0].split())
    assert CliRunner().invoke(app, ["--help"]).stdout.count(f"│ {name} ") == 1


def test_the_installed_script_is_this_command() -> None:
    [script] = entry_points(group="console_scripts", name="kehu")
    assert script.load() is app


def test_what_is_not_understood_is_told_with_exit_code_2() -> None:
    for words in (["nothing"], ["status", "--nothing"], ["date", "set"], ["events", "tail", "-n", "x"]):
        assert CliRunner().invoke(app, words).exit_code == 2


def test_a_command_that_was_mistyped_was_refused_without_a_guess() -> None:
    told = " ".join(CliRunner().invoke(app, ["stauts"], env={"COLUMNS": "200"}).output.split())
    assert "No such command 'stauts'. Did you mean 'status'?" in told


@pytest.mark.parametrize("words", [["--help"], ["status", "--url", "http://127.0.0.1:1"]], ids=" ".join)
def test_a_command_loads_nothing_of_those_that_are_not_asked_for(words: list[str]) -> None:
    """All of them together take seconds: the services with all they stand on."""
    seen = "import sys, typer.testing; from all_in_one.cli import app; typer.testing.CliRunner().invoke(app, {words}); "
    look = "print(sorted({'fastapi', 'sqlalchemy'} & sys.modules.keys()))"
    asked = seen.format(words=words) + look
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
