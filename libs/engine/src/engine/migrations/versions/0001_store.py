"""The store: events that are only ever added through one function, verdicts, snapshots, keys of persons."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table store (
    one boolean primary key default true check (one),
    incarnation uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now()
);
insert into store default values;

create table events (
    pos bigint primary key,
    part smallint not null check (part between 0 and 11),
    stream text collate "C" not null,
    ver bigint not null,
    id uuid not null unique,
    type text collate "C" not null,
    schema_ver smallint not null,
    customer text collate "C",
    company text collate "C" not null,
    data jsonb not null,
    meta jsonb not null,
    effective_at date not null,
    recorded_at timestamptz not null,
    unique (stream, ver)
);
create index events_part on events (part, pos);

create table verdicts (
    command uuid primary key,
    outcome text not null check (outcome in ('accepted', 'nothing', 'rejected')),
    digest bytea not null,
    rule text,
    params jsonb,
    streams jsonb,
    first_pos bigint,
    last_pos bigint,
    decided_at timestamptz not null
);

create table snapshots (
    stream text collate "C" primary key,
    ver bigint not null,
    fold text not null,
    state bytea not null,
    written_at timestamptz not null default now()
);

create table personal_keys (
    person text collate "C" primary key,
    id uuid not null unique,
    wrapped bytea not null,
    created_at timestamptz not null default now()
);
"""

# The second statement runs under a snapshot taken after the lock was got: it sees all that was committed before.
# Each a JSON array of arrays; `n` numbers the appends of the call and `x` the entries of `heads`, both from 1:
#   counts   how many events each append has, as an array's text
#   heads    [n, stream, expected]: each stream an append names or writes; null: whatever version the stream is at
#   entries  [n, x, stream, step, id, type, schema, part, customer, data, meta, effective, asserted]: the events, in
#            order; step counts those of one append in one stream
#   answers  [n, command, outcome, digest, rule, params, streams, first, last]: positions count the events of the call
# Sequential scans are off, for the plans are kept: made on an empty table they would read all of the grown one.
APPEND = """
create function append_events(
    company_name text, counts text, heads text, entries text, answers text,
    out base bigint, out recorded timestamptz, out repeated int[], out conflicts int[]
) language plpgsql security definer
set search_path = public, pg_temp set lock_timeout = '4s' set plan_cache_mode = force_generic_plan
set enable_seqscan = off as $$
declare
    refused int[];
    versions bigint[];
    skipped bigint[];
    head jsonb := heads;
    answer jsonb := answers;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'append_events needs read committed' using errcode = 'invalid_transaction_state';
    end if;
    perform pg_advisory_xact_lock(5348002);
    repeated := '{}';
    if answer is not null then
        repeated := array(
            select distinct (v->>0)::int from jsonb_array_elements(answer) v
            where (select true from verdicts where command = (v->>1)::uuid limit 1));
    end if;
    versions := array(
        select coalesce((select h.ver from events h where h.stream = x->>1 order by h.ver desc limit 1), 0)
        from jsonb_array_elements(head) x);
    conflicts := array(
        select distinct (x->>0)::int from jsonb_array_elements(head) with ordinality u(x, o)
        where (x->>2)::bigint <> versions[o] and (x->>0)::int <> all(repeated));
    refused := repeated || conflicts;
    if cardinality(refused) > 0 then
        skipped := array(
            select coalesce(sum(case when t.n = any(refused) then t.c end)
                over (order by t.n rows between unbounded preceding and 1 preceding), 0)
            from unnest(counts::int[]) with ordinality t(c, n) order by t.n);
    end if;
    select h.pos, h.recorded_at into base, recorded from events h order by h.pos desc limit 1;
    base := coalesce(base, 0);
    recorded := greatest(clock_timestamp(), recorded);
    perform set_config('kehu.adding', 'append_events', true);
    insert into events
    select base + o - coalesce(skipped[(e->>0)::int], 0), (e->>7)::smallint, e->>2,
        versions[(e->>1)::int] + (e->>3)::int, (e->>4)::uuid, e->>5, (e->>6)::smallint, e->>8, company_name,
        e->9, e->10, (e->>11)::date, coalesce(least((e->>12)::timestamptz, recorded), recorded)
    from jsonb_array_elements(entries::jsonb) with ordinality u(e, o)
    where (e->>0)::int <> all(refused);
    perform set_config('kehu.adding', '', true);
    if answer is not null then
        insert into verdicts
        select (v->>1)::uuid, v->>2, decode(v->>3, 'hex'), v->>4, nullif(v->5, 'null'), nullif(v->6, 'null'),
            base + (v->>7)::int - coalesce(skipped[(v->>0)::int], 0),
            base + (v->>8)::int - coalesce(skipped[(v->>0)::int], 0), recorded
        from jsonb_array_elements(answer) v
        where (v->>0)::int <> all(refused);
    end if;
end $$;
"""

# The roles services work under have no right to change events (engine.roles). These hold off who owns the table: a
# person at a prompt, and every session where a server does not let roles be made.
GUARDS = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'events are never changed or removed' using errcode = 'insufficient_privilege';
end $$;

create function refuse_direct_insert() returns trigger language plpgsql as $$
begin
    raise exception 'events are added by append_events only' using errcode = 'insufficient_privilege';
end $$;

create trigger events_never_change before update or delete or truncate on events
    for each statement execute function refuse_change();
create trigger events_by_function before insert on events
    for each statement when (current_setting('kehu.adding', true) is distinct from 'append_events')
    execute function refuse_direct_insert();
revoke all on events, verdicts from public;
revoke update, delete, truncate on events from current_user;
"""


def upgrade() -> None:
    for statement in (TABLES, APPEND, GUARDS):
        for part in _statements(statement):
            op.execute(part)


def _statements(script: str) -> list[str]:
    """asyncpg prepares one statement at a time; those of a script end with a semicolon at the end of a line."""
    found: list[str] = []
    for piece in script.split(";\n"):
        if found and found[-1].count("$$") % 2:
            found[-1] += ";\n" + piece
        else:
            found.append(piece)
    return [s for s in found if s.strip()]
