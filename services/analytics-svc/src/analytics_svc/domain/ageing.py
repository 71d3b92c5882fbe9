"""Ageing of receivables by customer or group (R-119): buckets of days, disputed amounts with or without."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from analytics_svc.domain.figures import UNALLOCATED, Edges
from analytics_svc.domain.measures import Bucket
from events.base import Amount, Value

Disputed = Literal["included", "excluded", "only"]
"""Whether amounts in dispute are counted. A dispute takes from its invoice what is open, of the oldest due first."""


class AgedGroup(Value):
    """A row of the matrix: its buckets, unallocated cash among them as a negative one, add up to `outstanding`."""

    name: str = Field(examples=["C-103"])
    buckets: list[Bucket]
    outstanding: Amount


def columns(edges: Edges) -> dict[str, str]:
    """The column of the matrix that holds each bucket."""
    return {name: f"b{n}" for n, name in enumerate(edges.names)} | {UNALLOCATED: UNALLOCATED}


def aged_group(row: Mapping[Any, Any], edges: Edges) -> AgedGroup:
    """A row of the matrix as it is shown."""
    buckets = [Bucket(bucket=name, amount=row[column]) for name, column in columns(edges).items()]
    return AgedGroup(name=row["name"], buckets=buckets, outstanding=row["outstanding"])
