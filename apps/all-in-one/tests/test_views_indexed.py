"""Every index the views ask for is found again at the next start: none is made twice."""

import asyncpg

from all_in_one.services import SERVICES
from engine.database import migrate
from engine.views import ViewRegistry, lacking


async def test_a_table_just_made_lacks_none_of_its_views_indexes(database: str) -> None:
    await migrate(database)
    views = {view.name: view for service in SERVICES for view in service.views}
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    registry = ViewRegistry(pool)
    await registry.ensure(list(views.values()))
    made = 0
    for view in views.values():
        live = await registry.live(view.name)
        assert live is not None
        assert await lacking(pool, view, live) == [], view.name
        made += len(view.table.indexes)
    await pool.close()
    assert made > 10
