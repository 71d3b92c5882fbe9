"""What others wrote lies in the tree as they published it, with its licence, and is named with version and hash."""

import pytest
from tools.vendor import ROOT, Altered, Package, packages, sha256

vendored = pytest.mark.parametrize("package", packages(), ids=lambda p: p.name)
PERMISSIVE = {"Apache-2.0", "MIT", "BSD-3-Clause"}
OPEN = {*PERMISSIVE, "MPL-2.0"}


@vendored
def test_every_file_is_the_one_that_was_published(package: Package) -> None:
    for path, digest in package.kept():
        assert sha256(path.read_bytes()) == digest, path


@vendored
def test_its_folder_holds_its_licence_and_nothing_else(package: Package) -> None:
    there = {path.name for path in (ROOT / package.to).iterdir()}
    assert there == {path.name for path, _ in package.kept()}
    assert any(name.startswith("LICENSE") for name in there)


@vendored
def test_what_ships_may_be_passed_on_without_conditions_on_our_code(package: Package) -> None:
    assert package.licence in (OPEN if package.to.startswith("tests/") else PERMISSIVE)


def test_a_file_with_another_hash_is_not_taken_in() -> None:
    package = Package("left-pad", "1.0.0", "MIT", "tests/console/none", {"index.js": sha256(b"as it was looked at")})
    package.checked({"index.js": b"as it was looked at"})
    with pytest.raises(Altered, match="has sha256"):
        package.checked({"index.js": b"something else"})
