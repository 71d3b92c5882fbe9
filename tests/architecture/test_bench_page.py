"""A run of the benches goes to its place on the page on performance."""

import pytest
from bench.__main__ import CASES, main
from bench.page import PAGE, marks, written

BEGIN, END = marks("append")


def test_a_run_takes_the_place_of_the_one_before_and_nothing_else() -> None:
    once = written(f"text\n{BEGIN}\nold\n{END}\nlimits\n", "append", ["new", "", "| table |"])
    assert once == f"text\n{BEGIN}\n\nnew\n\n| table |\n\n{END}\nlimits\n"
    assert written(once, "append", ["newer"]) == f"text\n{BEGIN}\n\nnewer\n\n{END}\nlimits\n"


@pytest.mark.parametrize("page", ["text", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_a_page_without_one_pair_of_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="the page needs"):
        written(page, "append", ["new"])


@pytest.mark.parametrize("case", CASES)
def test_the_page_has_a_place_for_every_case_and_leaves_the_others_alone(case: str) -> None:
    page = PAGE.read_text()
    now = written(page, case, ["new"])
    begin, end = marks(case)
    assert now.startswith(page.partition(begin)[0])
    assert now.endswith(page.partition(end)[2])
    others = [line for other in CASES if other != case for line in marks(other)]
    assert all(now.count(line) == 1 for line in others)


def test_a_quick_run_is_refused_for_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "append", "--quick", "--write"])
    with pytest.raises(SystemExit):
        main()
    assert "proves too little for the page" in capsys.readouterr().err
