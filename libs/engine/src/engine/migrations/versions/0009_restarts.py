"""How often each worker was to be started again: who halted in a process of its own looks here."""

from alembic import op

revision = "0009"
down_revision = "0008"

RESTARTS = """
create table restarts (
    worker text collate "C" primary key,
    asked bigint not null,
    asked_at timestamptz not null default clock_timestamp()
)"""


def upgrade() -> None:
    op.execute(RESTARTS)
