"""The relay: how far this log was published, and by whom now; which dead letters were published, too."""

from alembic import op

revision = "0006"
down_revision = "0005"

RELAY = """
create table relay (
    one boolean primary key default true check (one),
    pos bigint not null default 0,
    sent bigint not null default 0,
    epoch bigint not null default 0,
    owner uuid,
    expires_at timestamptz not null default now(),
    moved_at timestamptz not null default now()
) with (fillfactor = 50);
insert into relay default values;
alter table dead_letters add column told_at timestamptz;
create index dead_letters_untold on dead_letters (id) where told_at is null
"""


def upgrade() -> None:
    for statement in RELAY.split(";\n"):
        op.execute(statement)
