"""Cursor paging: opaque cursors over the sort key, stable while rows come in."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel, Field

from chassis.problems import Defect, Malformed, Problem
from engine.database import Connection
from engine.keyset import Column, Selection, ordered
from events.base import LARGEST

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
DEFAULT_LIMIT, MOST = 50, 500


class Paged(BaseModel, Generic[T]):
    """One page. `next` is the cursor of the following one, None on the last."""

    items: list[T]
    next: str | None = Field(default=None, examples=["WyJDLTEwMyJd"])


@dataclass(frozen=True, slots=True)
class Paging:
    """The page a request asks for."""

    limit: int
    after: tuple[Any, ...] | None

    async def fetch(
        self,
        read: Connection,
        query: Selection,
        *order: Column,
        into: type[M],
        descending: bool = False,
    ) -> Paged[M]:
        """The rows of `query` on this page as `into`, sorted by `order`: unique together, and among those selected."""
        found = await read.execute(self.selection(query, *order, descending=descending))
        return self.filled(found.mappings().all(), *order, make=into.model_validate)

    def selection(self, query: Selection, *order: Column, descending: bool = False) -> Selection:
        """The rows of `query` on this page and one more, for `filled`; for who reads them elsewhere than `fetch`."""
        return self._narrowed(query, order, descending).limit(self.limit + 1)

    def filled(
        self, found: Sequence[Mapping[Any, Any]], *order: Column, make: Callable[[dict[Any, Any]], M]
    ) -> Paged[M]:
        """The page of the rows that its `selection` gave, each as `make` makes it."""
        more, rows = len(found) > self.limit, found[: self.limit]
        last = cursor([rows[-1][c.name] for c in order if hasattr(c, "name")]) if more else None
        return Paged(items=[make(dict(r)) for r in rows], next=last)

    def of(self, items: Sequence[M], key: Callable[[M], Sequence[Any]]) -> Paged[M]:
        """A page of `items` that are all in memory, sorted by `key`."""
        try:
            rest = [i for i in items if self.after is None or tuple(map(_plain, key(i))) > self.after]
        except TypeError:
            raise _no_cursor() from None
        more = len(rest) > self.limit
        return Paged(items=list(rest[: self.limit]), next=cursor(key(rest[self.limit - 1])) if more else None)

    def _narrowed(self, query: Selection, order: Sequence[Column], descending: bool) -> Selection:
        try:
            return ordered(query, order, self.after, descending)
        except ValueError:
            raise _no_cursor() from None


def cursor(key: Sequence[Any]) -> str:
    """An opaque cursor that stands right behind `key`."""
    return urlsafe_b64encode(orjson.dumps([_plain(v) for v in key])).rstrip(b"=").decode()


def parsed(text: str) -> tuple[Any, ...]:
    """The key behind a cursor. Raises the problem of one we never gave out."""
    try:
        values = orjson.loads(urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except ValueError:
        raise _no_cursor() from None
    if not isinstance(values, list) or not all(map(_given, values)):
        raise _no_cursor()
    return tuple(values)


def _given(value: Any) -> bool:
    """Whether a part of a cursor can have come from us."""
    if isinstance(value, int):
        return abs(value) <= LARGEST
    return isinstance(value, float | None) or (isinstance(value, str) and "\0" not in value)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, (Decimal, UUID, date, datetime)) else value


def _no_cursor() -> Problem:
    return Problem(Malformed(), errors=[Defect(pointer="/query/cursor", message="this is no cursor of this list")])


async def paging(
    limit: Annotated[int, Query(ge=1, le=MOST, description="Rows on a page")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> Paging:
    """The paging parameters of a list."""
    return Paging(limit, parsed(cursor) if cursor else None)


Page = Annotated[Paging, Depends(paging)]
"""In a route: ``await page.fetch(read, select(invoices), invoices.c.invoice, into=InvoiceRow)``."""
