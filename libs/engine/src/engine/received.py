"""What the intake knows of documents, read beside views: those that were not booked, and the message each came in."""

from collections.abc import Sequence

from sqlalchemy import text

from engine.database import Connection
from engine.inbox import Entry, Key, entry_of

_UNBOOKED = text("""
select i.source, i.id, i.type, i.customer, i.digest, i.attempt, i.verdict, i.rule, i.params::text as params,
    i.position, i.receipt,
    coalesce(w.since, i.decided_at) as decided_at, i.came, i.document, i.amount, i.currency, i.rate, i.effective,
    i.sequence
from inbox i left join waiting w on w.source = i.source and w.id = i.id
where i.verdict <> 'accepted' and i.customer = any(:customers) and i.type = any(:types)
order by i.receipt""")
_OF_DOCUMENTS = text("""
select i.type, i.document, (array_agg(i.source order by i.receipt))[1] as source,
    (array_agg(i.id order by i.receipt))[1] as id
from inbox i join unnest(cast(:types as text[]), cast(:documents as text[])) k(type, document)
    on i.type = k.type and i.document = k.document
where i.verdict = 'accepted' group by i.type, i.document""")


async def unbooked(connection: Connection, customers: Sequence[str], types: Sequence[str]) -> list[Entry]:
    """Messages of these types about these customers that wait (`decided_at`: since when) or were refused."""
    found = await connection.execute(_UNBOOKED, {"customers": list(customers), "types": list(types)})
    return [entry_of(row) for row in found.mappings()]


async def of_documents(connection: Connection, documents: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Key]:
    """The message each of these documents (type, number) came in; those that came otherwise are left out."""
    asked = {"types": [d[0] for d in documents], "documents": [d[1] for d in documents]}
    found = await connection.execute(_OF_DOCUMENTS, asked)
    return {(row.type, row.document): (row.source, row.id) for row in found}
