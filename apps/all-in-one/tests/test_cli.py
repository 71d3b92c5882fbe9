"""What the command says when it cannot go on."""

from pathlib import Path

from typer.testing import CliRunner

from all_in_one.cli import app


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
    assert "(http://127.0.0.1:1)" in "".join(stopped.stderr.split())
