"""Whatever happens to a backup's file on its way, what comes out of it is what went in, or a sentence."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from zipfile import ZipFile

import pytest

from all_in_one.archive import Manifest, Unfit, reading, writing

DUMPS = {name: Random(seed).randbytes(3000) for seed, name in enumerate(("customer.dump", "credit.dump"))}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    with writing(tmp_path / "whole") as writer:
        for name, content in DUMPS.items():
            with writer.member(name) as add:
                add(content[:1000])
                add(content[1000:])
        made = datetime(2026, 1, 1, tzinfo=UTC)
        writer.finish(
            Manifest(
                kehu="0.1.0", made_at=made, company="acme", postgresql="18", key="apart", fingerprint=None,
                services={}, members=writer.members,
            )
        )  # fmt: skip
    return tmp_path / "whole"


def broken(whole: bytes) -> Iterator[bytes]:
    """Cut off anywhere, and with any byte changed."""
    yield from (whole[:end] for end in range(0, len(whole), 397))
    dice = Random(7)
    for at in range(0, len(whole), 11):
        yield whole[:at] + bytes([whole[at] ^ dice.randrange(1, 256)]) + whole[at + 1 :]


def test_a_file_that_was_cut_off_or_changed_is_refused_or_has_the_same_content(whole: Path, tmp_path: Path) -> None:
    file, refused = tmp_path / "broken", 0
    for content in broken(whole.read_bytes()):
        file.write_bytes(content)
        try:
            with reading(file) as reader:
                reader.verify(lambda _: None)
                assert {name: b"".join(reader.pieces(name)) for name in DUMPS} == DUMPS
        except Unfit:
            refused += 1
    assert refused > 500


def test_a_backup_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    with suppress(OSError), writing(tmp_path / "half") as writer, writer.member("a") as add:
        add(b"half")
        raise OSError("the disk is full")
    assert list(tmp_path.iterdir()) == []


def test_what_was_changed_so_that_the_zip_still_fits_is_refused(whole: Path, tmp_path: Path) -> None:
    file = tmp_path / "changed"
    with ZipFile(whole) as old, ZipFile(file, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[::-1] if name == "credit.dump" else content)
    with reading(file) as reader, pytest.raises(Unfit, match=r"is damaged: credit\.dump"):
        reader.verify(lambda _: None)
