"""A view that was given an index later has it from the next start on, without being built anew."""

import sqlalchemy as sa

from engine.database import Database
from engine.projection import Ledger
from engine.views import ViewRegistry

BEFORE = sa.Table(
    "indexed",
    sa.MetaData(),
    sa.Column("event", sa.Uuid, primary_key=True),
    sa.Column("customer", sa.Text),
    sa.Column("dated", sa.Date),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Index("dated", "customer", "dated"),
)
NOW = BEFORE.to_metadata(sa.MetaData())
sa.Index("at", NOW.c.position, postgresql_using="brin", postgresql_with={"autosummarize": "on"})
sa.Index("open", NOW.c.customer, NOW.c.dated, postgresql_where=sa.text("dated is not null"))
INDEXES = "select indexdef from pg_indexes where tablename = 'indexed_v1_1' order by 1"


def view(table: sa.Table) -> Ledger:
    return Ledger(table=table, version=1, handles=(), fold=lambda _: ())


async def indexes(service: Database) -> list[str]:
    """Without their names."""
    return sorted(row[0].partition(" ON ")[2] for row in await service.pool.fetch(INDEXES))


async def test_a_ledger_without_an_index_is_given_it_in_place_and_once(service: Database) -> None:
    """A ledger of before was searched from end to end for what came in last, until somebody built it anew."""
    registry = ViewRegistry(service.pool)
    await registry.ensure([view(BEFORE)])
    await service.pool.execute("insert into indexed_v1_1 values (gen_random_uuid(), 'C1', null, 1)")
    before = await indexes(service)
    for _ in range(2):
        await registry.ensure([view(NOW)])
    found = await indexes(service)
    assert [d for d in found if d not in before] == [
        "public.indexed_v1_1 USING brin (\"position\") WITH (autosummarize='on')",
        "public.indexed_v1_1 USING btree (customer, dated) WHERE (dated IS NOT NULL)",
    ]
    assert len(found) == len(before) + 2
    assert await service.pool.fetchval("select count(*) from indexed_v1_1") == 1


async def test_a_new_table_and_one_that_was_mended_have_the_same_indexes(service: Database) -> None:
    registry = ViewRegistry(service.pool)
    await registry.ensure([view(NOW)])
    new = await indexes(service)
    await service.pool.execute("drop view indexed; drop table indexed_v1_1; delete from views; delete from view_builds")
    await registry.ensure([view(BEFORE)])
    await registry.ensure([view(NOW)])
    assert await indexes(service) == new
