"""Stored topics: messages in their parts, how far each goes; and from where a document came to the intake."""

from alembic import op

revision = "0004"
down_revision = "0003"

TOPICS = """
create table topic_ends (
    topic text collate "C" not null,
    part smallint not null,
    next_offset bigint not null,
    primary key (topic, part)
) with (fillfactor = 50);

create table messages (
    topic text collate "C" not null,
    part smallint not null,
    "offset" bigint not null,
    key bytea,
    headers json not null,
    value bytea not null,
    published_at timestamptz not null default clock_timestamp(),
    primary key (topic, part, "offset")
);
create index messages_age on messages (published_at);

alter table inbox add column came text;
create index inbox_came on inbox (receipt) where came is not null;

create table answered (
    one boolean primary key default true check (one),
    receipt bigint not null
);
insert into answered (receipt) select coalesce(max(receipt), 0) from inbox
"""


def upgrade() -> None:
    for statement in TOPICS.split(";\n"):
        if statement.strip():
            op.execute(statement)
