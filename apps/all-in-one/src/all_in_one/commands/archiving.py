"""`kehu backup` and `kehu restore`: a company's folder into one file, and back."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from all_in_one import backup as archives
from all_in_one.archive import Manifest, Reader, Unfit, reading
from all_in_one.commands.server import PREFIXES
from all_in_one.commands.terminal import Json, Refused, err, group, out, print_json, print_table, size
from all_in_one.home import ROOT, BadName, Home
from chassis.settings import Settings
from engine.copies import CopyFailed
from engine.database import NewerSchema
from engine.embedded_home import CannotStart

app = group()
Data = Annotated[str, typer.Option("--data", help="Name of the company's folder under .kehu.")]


@app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    data: Data = "demo",
    without_key: Annotated[
        bool, typer.Option("--without-key", help="Leave the encryption key out; keep it elsewhere yourself.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a company into one file: all services as of one moment, whether it runs or not, and its encryption key.

    Whoever has the file can read all personal data in it, unless it is made --without-key.

    Example: kehu backup --data mine mine-monday.kehu
    """
    home, key = company(data), embedded_key()
    if not home.has_data:
        raise Refused(f"there is no company {data} here; there are: {', '.join(companies()) or 'none'} (in {ROOT})")
    if file.exists():
        raise Refused(f"{file} is there already; give another name, or remove it")
    with sentences(), bar("backing up") as seen:
        manifest = asyncio.run(archives.back_up(home, tuple(PREFIXES), file, key, seen, with_key=not without_key))
    told = {"file": str(file), "bytes": file.stat().st_size, **summary(manifest)}
    return print_json(told) if as_json else tell_backup(home, file, manifest)


def tell_backup(home: Home, file: Path, manifest: Manifest) -> None:
    """What was written, and about the key: loudly."""
    tell(manifest)
    out.print(f"{file}: {size(file.stat().st_size)}")
    if manifest.key == "inside":
        out.print(
            "[bold red]The encryption key is in this file:[/bold red] whoever has it can read all personal data in it. "
            "Keep it as you would keep the key, or make it --without-key.",
        )  # fmt: skip
        return
    place = home.key_place if home.key_place.exists() else "KEHU_KEYS__ENCRYPTION"
    out.print(
        f"[bold red]The encryption key is not in this file.[/bold red] Keep {place} as well, at another place: without "
        "it nothing said of persons can be read again.",
    )  # fmt: skip


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="A file written by `kehu backup`.")],
    data: Annotated[str, typer.Option("--data", help="The folder under .kehu to restore to.")],
    key: Annotated[Path | None, typer.Option(help="encryption.key, of a backup made --without-key.")] = None,
    without_persons: Annotated[
        bool, typer.Option("--without-persons", help="The key is lost: all but what was said of persons.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it the file is checked and told about.")] = False,
    as_json: Json = False,
) -> None:
    """Make a company of a backup, in a new life: whoever had read its log before begins again. Then start it as ever.

    A company of that name is not lost: it is kept beside the new one.

    Example: kehu restore mine-monday.kehu --data mine --yes
    """
    home, environment = company(data), embedded_key()
    logging.getLogger("engine.embedded_home").setLevel(logging.ERROR)  # where a company half made lies helps nobody
    if home.running_database() is not None:
        raise Refused(f"the company {data} is running; stop it first (Ctrl-C where it was started)")
    with sentences(), reading(file) as reader:
        with bar("checking", reader.manifest.bytes) as seen:
            reader.verify(lambda count: seen("the file", count))
        archives.check_version(reader.manifest, file)
        given = key.read_text() if key else None
        secret = environment.get_secret_value() if environment else None
        keyed = archives.chosen_key(reader, given, secret, without_persons=without_persons)
        replaced = done(reader, home, keyed) if yes else None
    found = {"done": yes, "data": data, "replaces": home.folder.exists() and not yes, **summary(reader.manifest)}
    if as_json:
        return print_json({**found, "kept": str(replaced.folder) if replaced else None})
    return tell_restore(reader.manifest, home, replaced, yes=yes)


def done(reader: Reader, home: Home, keyed: archives.Keyed) -> Home | None:
    """The restore itself."""
    total = sum(m.bytes for name, m in reader.manifest.members.items() if name.endswith(".dump"))
    with bar("restoring", total) as seen:
        return asyncio.run(archives.restore(reader, home, keyed, seen))


def tell_restore(manifest: Manifest, home: Home, replaced: Home | None, *, yes: bool) -> None:
    """What was restored, or would be."""
    tell(manifest)
    name = home.folder.name
    if not yes:
        there = f"; the company {name} there is kept as {home.aside().folder.name}" if home.folder.exists() else ""
        said = f"The file is whole. Would restore it to {home.folder}{there}; nothing was done, --yes does it."
        return out.print(said)
    if replaced is not None:
        out.print(f"The company that was there is kept in {replaced.folder}; remove it when you need it no longer.")
    return out.print(f"Restored to {home.folder}. Start it: make run DATA={name}; views are built anew (kehu lag).")


def tell(manifest: Manifest) -> None:
    """What a backup holds."""
    out.print(f"the company {manifest.company} on {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, Kehu {manifest.kehu}")
    rows = [(name, s.position, s.persons, s.schema_revision) for name, s in manifest.services.items()]
    print_table(("service", "events", "persons", "schema"), rows)


def summary(manifest: Manifest) -> dict[str, Any]:
    """A manifest for programs."""
    return manifest.model_dump(mode="json", exclude={"members", "format"})


def company(data: str) -> Home:
    """The company's folder. Raises BadParameter (exit code 2)."""
    try:
        return Home.named(data)
    except BadName as wrong:
        raise typer.BadParameter(str(wrong)) from None


def companies() -> list[str]:
    """The names there are."""
    return sorted(p.name for p in ROOT.iterdir() if Home(p).has_data) if ROOT.exists() else []


def embedded_key() -> Any:
    """The key of the environment, if it is there. Raises Refused where the data lies on a server of somebody else's."""
    settings = Settings()
    if settings.databases.server or settings.databases.urls:
        raise Refused(
            "the data lies on the PostgreSQL named in KEHU_DATABASES__*: back it up with that server's own tools "
            "(all databases as of one moment), and the key with them"
        )
    return settings.keys.encryption


@contextmanager
def sentences() -> Iterator[None]:
    """What goes wrong with files and servers, as refusals."""
    try:
        yield
    except (Unfit, CannotStart, NewerSchema, CopyFailed) as wrong:
        raise Refused(str(wrong)) from None
    except OSError as wrong:
        raise Refused(f"{wrong.filename or 'the file'}: {wrong.strerror or wrong}; nothing was changed") from None


@contextmanager
def bar(what: str, total: int | None = None) -> Iterator[Callable[[str, int], None]]:
    """Progress on a terminal: bytes done, by what they are of."""
    columns = (TextColumn(what), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    counted: Counter[str] = Counter()
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task: TaskID = progress.add_task("", total=total)

        def seen(name: str, count: int) -> None:
            counted[name] += count
            progress.update(task, description=name, completed=counted.total())

        yield seen
