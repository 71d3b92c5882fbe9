"""What a view has yet to fold about a customer, read from the service's own log: facts need not wait for the view."""

from collections.abc import Iterable, Sequence

from sqlalchemy import text

from engine import ids
from engine.database import Connection
from engine.projection import View
from engine.views import group_of
from events.base import Event

_STREAMS = text("""
select distinct e.stream from events e
where e.part = :part and e.customer = :customer and e.type = any(:types) and e.pos > coalesce(
    (select c.last_pos from consumers c where c.grp = :grp and c.topic = :topic and c.part = :part), 0)""")


async def streams(
    connection: Connection, view: View, customer: str, types: Iterable[type[Event]]
) -> Sequence[tuple[str, str]]:
    """(category, key) of the streams with events of `types` about `customer` that `view` has not folded.

    Ask before reading the view itself: what is folded in between is then seen twice, never missed. `types` belong to
    one context, the service's own.
    """
    wanted = sorted(t.type for t in types)
    asked = {
        "customer": customer,
        "types": wanted,
        "grp": group_of(view),
        "topic": wanted[0].partition(".")[0],
        "part": ids.part_of(customer),
    }
    found = (await connection.execute(_STREAMS, asked)).scalars()
    return [(stream.partition("-")[0], stream.partition("-")[2]) for stream in found]
