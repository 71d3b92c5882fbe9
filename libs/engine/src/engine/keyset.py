"""Rows of a query behind a given key: pages that stay put while rows come in."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, literal, tuple_

Selection = Select[Any]
Column = ColumnElement[Any]


def ordered(
    query: Selection, order: Sequence[Column], after: Sequence[Any] | None, descending: bool = False
) -> Selection:
    """`query` sorted by `order`, behind the key `after` (texts and numbers, one a column; None: from the start).

    Raises ValueError where `after` is no key of these columns.
    """
    query = query.order_by(*(c.desc() if descending else c.asc() for c in order))
    if after is None:
        return query
    here = tuple_(*(literal(typed(v, c.type.python_type), c.type) for v, c in zip(after, order, strict=True)))
    return query.where(tuple_(*order) < here if descending else tuple_(*order) > here)


def typed(value: Any, kind: type) -> Any:
    """`value`, which came as text or number, as `kind`. Raises ValueError."""
    try:
        if issubclass(kind, (date, datetime)):
            return kind.fromisoformat(value)
        return kind(value) if issubclass(kind, (Decimal, UUID, int, str)) else value
    except (TypeError, ArithmeticError, AttributeError) as error:
        raise ValueError(f"{value!r} is no {kind.__name__}") from error
