"""The alert policies set so far, every version."""

from collections.abc import Iterable

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics_svc.domain.policies import Policy
from engine.projection import Ledger, Row
from events.analytics import AlertPolicySet, Severity
from events.envelope import Envelope

TABLE = sa.Table(
    "alert_policies",
    sa.MetaData(),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("policy_version", sa.Integer, primary_key=True),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("steps", sa.Text, nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
)
"""`steps` as JSON text."""
_STEPS = TypeAdapter(tuple[Severity, ...])


def fold(envelope: Envelope[AlertPolicySet]) -> Iterable[Row]:
    e = envelope.event
    steps = _STEPS.dump_json(e.steps).decode()
    return [(e.rule, e.policy_version, e.enabled, steps, e.valid_from, envelope.recorded)]


VIEW = Ledger(table=TABLE, version=1, handles=(AlertPolicySet,), touches=True, fold=fold)


async def every(connection: AsyncConnection) -> list[Policy]:
    """All versions of all rules, without the defaults."""
    rows = (await connection.execute(sa.select(TABLE))).mappings()
    return [_policy(row) for row in rows]


def _policy(row: sa.RowMapping) -> Policy:
    steps = _STEPS.validate_json(row["steps"])
    return Policy(row["rule"], row["policy_version"], row["enabled"], steps, row["valid_from"])
