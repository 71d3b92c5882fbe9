"""Topics of states: how far the log was looked through for each, by whom now, and who changes on a day to come."""

from alembic import op

revision = "0008"
down_revision = "0007"

STATES = """
create table states (
    topic text collate "C" primary key,
    pos bigint not null default 0,
    day date,
    life uuid,
    told bigint not null default 0,
    epoch bigint not null default 0,
    owner uuid,
    expires_at timestamptz not null default now(),
    moved_at timestamptz not null default now()
) with (fillfactor = 50);
create table states_due (
    topic text collate "C" not null,
    customer text collate "C" not null,
    due date not null,
    primary key (topic, customer)
)
"""


def upgrade() -> None:
    for statement in STATES.split(";\n"):
        op.execute(statement)
