"""The intake: every message of an ERP with its verdict, and those that wait for something."""

from alembic import op

revision = "0003"
down_revision = "0002"

INBOX = """
create sequence inbox_receipt;

create table inbox (
    source text collate "C" not null,
    id text collate "C" not null,
    type text collate "C" not null,
    customer text collate "C",
    digest bytea not null,
    attempt int not null,
    verdict text not null check (verdict in ('accepted', 'waiting', 'rejected')),
    rule text,
    params jsonb not null default '{}',
    position bigint,
    receipt bigint not null unique,
    decided_at timestamptz not null,
    primary key (source, id)
);

create table waiting (
    source text collate "C" not null,
    id text collate "C" not null,
    type text collate "C" not null,
    customer text collate "C",
    data text not null,
    meta jsonb not null,
    attempt int not null,
    since timestamptz not null,
    next_try timestamptz not null,
    primary key (source, id)
);
create index waiting_customer on waiting (customer, since);
create index waiting_next on waiting (next_try);
"""


def upgrade() -> None:
    for statement in INBOX.split(";\n"):
        if statement.strip():
            op.execute(statement)
