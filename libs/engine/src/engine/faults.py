"""Kinds of failure: what passes by itself, what a person must look at, what stops a consumer."""

import traceback
from pathlib import Path

import asyncpg
from pydantic import ValidationError

TRANSIENT: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
    asyncpg.InvalidCachedStatementError,
    ConnectionError,
    TimeoutError,
    OSError,
)
"""Passes by itself: tried again with growing pauses, never parked."""


class Halted(Exception):
    """A consumer stopped and stays stopped until a person has acted: starting it again would not help."""


class Unreachable(ConnectionError):
    """What we meet on could not be reached, or refused; passes by itself, or the sentence says what it asks for.

    The sentence is ours and quotes nothing.
    """


class Lost(Exception):
    """The position was not where this consumer left it: another owner is at work. Roll back and read it anew."""


class Stale(Exception):
    """`topic` comes from another life of its owner's store than the one this consumer followed."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"{topic} comes from another incarnation of its store")
        self.topic = topic


def is_transient(error: BaseException) -> bool:
    """Whether trying again may help. A closed connection shows as asyncpg.InterfaceError, wrong arguments do, too."""
    if isinstance(error, asyncpg.DataError):
        return False
    return isinstance(error, (*TRANSIENT, asyncpg.InterfaceError))


def described(error: BaseException) -> str:
    """What went wrong without what it went wrong on: messages may quote personal data, so they are not kept."""
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in found)[:500]
    return f"{type(error).__module__}.{type(error).__qualname__}"


def where(error: BaseException) -> str | None:
    """File, line and function in which `error` was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno} {frames[-1].name}" if frames else None
