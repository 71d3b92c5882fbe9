"""Rows: a principal without a role that sees all sees and changes what is about the customers it looks after, no more.

Everything a route may use passes here, so no route can forget it: what another looks after is as if it were unknown.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chassis.problems import NotYours, Problem
from engine.decider import Actor, Command, Ref, States
from engine.ports import Meta, Store, Streams
from events.envelope import Envelope


class Knowing(Protocol):
    """What a service knows of customers and who looks after them."""

    @property
    def store(self) -> Store: ...

    async def about(self, command: Command, meta: Meta, actor: Actor) -> frozenset[str | None]:
        """The customers whose streams `command` names; nobody's for those that are yet to begin."""
        ...

    async def owned(self, employee: str, customers: Collection[str]) -> frozenset[str]:
        """Those of `customers` that `employee` looks after, as far as this service has heard."""
        ...

    async def reached_end(self) -> None:
        """Waits until the views have folded all that the service's log holds now."""
        ...

    async def states(self, refs: Sequence[Ref[Any]]) -> States:
        """The present states of `refs`, from their streams."""
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """What `employee` sees of one service."""

    host: Knowing
    employee: str

    async def knows(self, customers: Collection[str | None]) -> bool:
        """Whether there are such customers and all are known to be the employee's; company matters are nobody's."""
        named = {c for c in customers if c is not None}
        return bool(named) and None not in customers and await self.host.owned(self.employee, named) >= named

    async def covers(self, customers: Collection[str | None]) -> bool:
        """As `knows`, but one that is not known to be the employee's may have been registered a moment ago."""
        if await self.knows(customers):
            return True
        await self.host.reached_end()
        return await self.knows(customers)

    async def permit(self, command: Command, meta: Meta, actor: Actor, *, founding: bool) -> None:
        """Raises the problem 404, before anything is decided, unless all that `command` names is the employee's.

        `founding`: it makes a customer that is not there yet.
        """
        about = set(await self.host.about(command, meta, actor))
        if not founding and hasattr(command, "customer"):
            about.add(command.customer)
        if not (founding and not about) and not await self.covers(about):
            raise Problem(NotYours())

    async def states(self, refs: Sequence[Ref[Any]]) -> States:
        """The present states of `refs`. Raises the problem 404 unless all that is there is the employee's."""
        if not await self.covers(await self.host.store.customers([ref.stream for ref in refs])):
            raise Problem(NotYours())
        return await self.host.states(refs)


@dataclass(frozen=True, slots=True)
class OwnLog:
    """A log as the employee sees it: what is about a customer of another is not there."""

    log: Streams
    sight: Sight

    async def read_stream(self, stream: str, after: int = 0) -> Sequence[Envelope[Any]]:
        """The events of `stream` above version `after`, in order."""
        events = await self.log.read_stream(stream, after)
        return events if await self.sight.covers({e.customer for e in events}) else []
