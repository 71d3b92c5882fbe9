"""Before a process begins: its databases answer, and have the shape it needs."""

import asyncio
from collections.abc import Callable
from time import monotonic
from urllib.parse import parse_qs, urlsplit

import asyncpg

from engine.database import MIGRATING, NewerSchema, knows_schema, newest_schema

LOOK, SAID_EVERY = 0.25, 5.0
"""Seconds between two looks, and between two sentences about the same."""
CONNECT = 5.0
_OWN = "table alembic_version"
_OTHERS = "select to_regclass('public.events')::text"
_DONE = f"select pg_try_advisory_xact_lock_shared({MIGRATING})"
"""Who begins before the roles have their rights makes tables that nobody else may read."""
_REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InterfaceError, ValueError)
"""What waiting does not change: the login, the URL."""


class NotReady(Exception):
    """A database was waited for in vain, or waiting would be in vain; the sentence says which and why."""


async def answering(url: str, patience: float, say: Callable[[str], None]) -> None:
    """Wait until the database at `url` takes a session. Raises NotReady."""
    await _waited(url, patience, say, None)


async def migrated(url: str, patience: float, say: Callable[[str], None], *, own: bool) -> None:
    """Wait until the database at `url` has been migrated: to our newest shape if it is our `own`, else to any.

    Raises NotReady, and NewerSchema for one of our own that a newer Kehu has changed.
    """
    await _waited(url, patience, say, own)


async def _waited(url: str, patience: float, say: Callable[[str], None], own: bool | None) -> None:
    until, said = monotonic() + patience, 0.0
    while lacks := await _lacks(url, own):
        now = monotonic()
        if now > until:
            raise NotReady(f"{shown(url)} {lacks}; waited {patience:g} s (KEHU_DATABASES__PATIENCE)")
        if now > said:
            say(f"{shown(url)} {lacks}; waiting")
            said = now + SAID_EVERY
        await asyncio.sleep(LOOK)


async def _lacks(url: str, own: bool | None) -> str | None:
    """What the database at `url` has yet to become; None: nothing."""
    try:
        found, done = await _found(url, own)
    except asyncpg.InvalidCatalogNameError:
        return "does not exist yet: its service's `migrate` makes it where KEHU_DATABASES__SERVER is set, else you do"
    except asyncpg.InsufficientPrivilegeError as refused:
        return f"does not let this login in yet ({refused})"
    except _REFUSED as refused:
        raise NotReady(f"{shown(url)} cannot be used: {refused}") from None
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return f"does not answer ({type(error).__name__})"
    if own is None:
        return None
    return _unmigrated(shown(url), found, own=own) or (None if done else "is being migrated")


async def _found(url: str, own: bool | None) -> tuple[str | None, bool]:
    """The schema of our own or the log of another, None where there is none; whether nobody migrates it now."""
    connection = await asyncpg.connect(url, timeout=CONNECT)
    try:
        found = None if own is None else await connection.fetchval(_OWN if own else _OTHERS)
        return found, await connection.fetchval(_DONE)
    except asyncpg.UndefinedTableError:
        return None, True
    finally:
        await connection.close()


def _unmigrated(name: str, revision: str | None, *, own: bool) -> str | None:
    """What keeps a database from being worked with: its own newest shape, of another service's any."""
    if revision is None:
        return "has not been migrated yet: run its service's `migrate`"
    if own and not knows_schema(revision):
        raise NewerSchema(
            f"{name} has the schema {revision}, this Kehu knows up to {newest_schema()}: "
            "a newer Kehu has worked on it; run that one, or a later one"
        )
    if own and revision != newest_schema():
        return f"has the schema {revision}, {newest_schema()} is needed: run its service's `migrate`"
    return None


def shown(url: str) -> str:
    """A database as it may be told: where it is, without the login."""
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", ["localhost"])[0]
    return f"the database {parts.path.lstrip('/') or '(unnamed)'} at {server}"
