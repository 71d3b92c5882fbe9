"""Feeds a view: builds it anew where its fold has changed, then keeps it what its fold makes of the log."""

import asyncio
import logging
from functools import partial

from engine.consumer import standings
from engine.database import Database
from engine.faults import Halted
from engine.folding import Folder, folder
from engine.keeper import TOUCHED, Keeper, Means
from engine.ports import Bus
from engine.projection import View
from engine.rebuild import rebuild
from engine.serde import Serde
from engine.views import ViewRegistry, group_of
from engine.wakeups import Wakeups

__all__ = ["TOUCHED", "Projector"]

log = logging.getLogger("kehu.projector")


class Projector(Keeper):
    """Worker that feeds one view. Members of its group share the work; `name` is that of the view's group."""

    def __init__(
        self,
        view: View,
        database: Database,
        bus: Bus,
        serde: Serde,
        *,
        member: str = "main",
        wakeups: Wakeups | None = None,
        limit: int = 2000,
    ) -> None:
        means = Means(database, bus, serde, member, wakeups, limit)
        super().__init__(group_of(view), view.handles, means, touches=view.touches)
        self.view = view
        self._registry = ViewRegistry(database.pool)

    async def run(self, stop: asyncio.Event) -> None:
        """Bring the view to this version of the fold where it is not, then keep it fed until `stop`. Raises Halted."""
        await self._registry.ensure([self.view])
        if await self._outdated():
            await self._rebuild()
        await super().run(stop)

    def folder(self) -> Folder:
        """That of the view's kind."""
        return folder(self.view)

    async def table(self) -> str:
        """The live build's. Raises Halted where another version of the fold feeds it now."""
        live = await self._registry.live(self.view.name)
        if live is None or live.version != self.view.version:
            raise Halted(f"{self.view.name}: version {self.view.version} was replaced by {live and live.version}")
        return live.table

    async def stale(self, topic: str) -> None:
        """The owner's store lives another life: build the view anew from it, unless another member has done so."""
        log.warning("%s is rebuilt: %s has another incarnation", self.view.name, topic)
        means = self._means
        await rebuild(self.view, means.database, means.bus, means.serde, needed=partial(self._left_behind, topic))

    async def _left_behind(self, topic: str) -> bool:
        """Whether the view still follows the life before, or the table is still the one whose positions do not fit."""
        life, kept = await self._means.bus.incarnation(topic), await standings(self._means.database.pool, self.name)
        live = await self._registry.live(self.view.name)
        fed = live is not None and live.table == self._table
        return fed or any(s.incarnation != life for (t, _), s in kept.items() if t == topic)

    async def _outdated(self) -> bool:
        return not await self._registry.current(self.view)

    async def _rebuild(self) -> None:
        means = self._means
        await rebuild(self.view, means.database, means.bus, means.serde, needed=self._outdated)
