"""No unsafe code and no secret is in the tree, and those who look for them can see."""

from pathlib import Path

import pytest
from tools.audit import secrets, tree, unsafe

pytestmark = pytest.mark.slow


def test_no_code_is_known_to_be_unsafe() -> None:
    assert unsafe() == []


def test_no_secret_is_in_the_tree() -> None:
    assert secrets(tree()) == []


def test_a_secret_that_is_put_into_a_file_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "settings.py"
    planted.write_text('key = "AKIA' + "QYLPMN5HHHFPZAM2" + '"\n')
    assert any("AWS Access Key" in line for line in secrets([str(planted)]))
