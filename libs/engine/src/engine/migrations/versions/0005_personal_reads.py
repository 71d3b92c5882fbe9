"""Who has read what is said of persons: written before it is shown, never changed, forgotten only when it is old."""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLE = """
create table personal_reads (
    id bigint generated always as identity primary key,
    read_at timestamptz not null default clock_timestamp(),
    actor text collate "C" not null,
    route text collate "C" not null,
    customer text collate "C",
    persons text[] not null,
    correlation uuid not null
);
create index personal_reads_customer on personal_reads (customer, id);
create index personal_reads_actor on personal_reads (actor, id)
"""
FORGET = """
create function forget_personal_reads(older interval) returns bigint language plpgsql security definer
set search_path = pg_catalog, public as $$
declare forgotten bigint;
begin
    if older < interval '30 days' then
        raise exception 'reads are kept for 30 days at least';
    end if;
    delete from public.personal_reads where read_at < clock_timestamp() - older;
    get diagnostics forgotten = row_count;
    return forgotten;
end $$
"""


def upgrade() -> None:
    for statement in TABLE.split(";\n"):
        op.execute(statement)
    op.execute(FORGET)
