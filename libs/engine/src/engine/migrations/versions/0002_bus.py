"""The bus and what stands on it: positions, leases, registry of views, dead letters, touched customers, timers."""

from alembic import op

revision = "0002"
down_revision = "0001"

CONSUMERS = """
create table consumers (
    grp text collate "C" not null,
    topic text collate "C" not null,
    part smallint not null,
    incarnation uuid not null,
    last_pos bigint not null default 0,
    next_offset bigint not null default 0,
    epoch bigint not null default 0,
    owner uuid,
    moved_at timestamptz not null default now(),
    primary key (grp, topic, part)
) with (fillfactor = 50);

create table members (
    grp text collate "C" not null,
    member text collate "C" not null,
    session uuid not null unique,
    expires_at timestamptz not null,
    primary key (grp, member)
) with (fillfactor = 50);
"""

VIEWS = """
create table views (
    name text collate "C" primary key,
    version int not null,
    build int not null,
    table_name text not null,
    grp text not null,
    state text not null,
    swapped_at timestamptz not null default now()
);

create table view_builds (
    name text collate "C" not null,
    build int not null,
    version int not null,
    table_name text not null,
    state text not null check (state in ('building', 'live', 'old')),
    positions jsonb not null default '[]',
    letters jsonb not null default '[]',
    events bigint not null default 0,
    checksum text,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    primary key (name, build)
);
"""

WORK = """
create table dead_letters (
    id bigint generated always as identity primary key,
    grp text collate "C" not null,
    customer text collate "C" not null,
    topic text collate "C" not null,
    part smallint not null,
    pos bigint not null,
    event uuid not null,
    type text collate "C" not null,
    kind text not null check (kind in ('poison', 'behind')),
    error text,
    place text,
    attempts int not null default 1,
    parked_at timestamptz not null default now(),
    tried_at timestamptz not null default now(),
    discarded_by text,
    discarded_at timestamptz,
    unique (grp, topic, pos)
);
create index dead_letters_open on dead_letters (grp, customer, id) where discarded_at is null;

create sequence touched_mark;
create table touched (
    customer text collate "C" primary key,
    mark bigint not null,
    done bigint not null default 0,
    evaluated_on date,
    loading boolean not null default false,
    touched_at timestamptz not null default now()
) with (fillfactor = 70);
create index touched_open on touched (mark) where mark > done;
create index touched_day on touched (evaluated_on nulls first);

create table timers (
    key text collate "C" primary key,
    company text collate "C" not null,
    due date not null,
    command_type text not null,
    command jsonb not null,
    event uuid not null,
    correlation uuid not null,
    origin text not null,
    planned_at timestamptz not null default now(),
    fired_at timestamptz,
    outcome text,
    attempts int not null default 0,
    error text
);
create index timers_open on timers (due, key) where fired_at is null;
"""


def upgrade() -> None:
    for script in (CONSUMERS, VIEWS, WORK):
        for statement in script.split(";\n"):
            if statement.strip():
                op.execute(statement)
