"""Parking by customer: an event that cannot be dealt with, and the same customer's later ones, wait for a person.

Kept per group as positions and kinds of error, never as content.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.decoding import Letter
from engine.faults import Halted, described, where
from engine.folding import Folder, Session
from events.envelope import Envelope

IN_A_ROW = 10
"""So many unreadable events one after the other are no accident: stop instead of parking everything."""

_PARK = """
insert into dead_letters (grp, customer, topic, part, pos, event, type, kind, error, place)
select $1, * from unnest($2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::uuid[], $7::text[], $8::text[],
    $9::text[], $10::text[])
on conflict (grp, topic, pos) do nothing"""


@dataclass(slots=True)
class Parked:
    """A letter on its way to be parked: `error` is set on the one that failed, not on those behind it."""

    letter: Letter
    error: Exception | None


def one_more(group: str, in_a_row: int, error: Exception) -> int:
    """The count of failures with no success in between, after `error`. Raises Halted when that is too many."""
    if in_a_row + 1 >= IN_A_ROW:
        raise Halted(f"{group}: {IN_A_ROW} events in a row failed, the last with {described(error)}") from error
    return in_a_row + 1


async def hold(session: Session, group: str, *, exclusive: bool) -> set[str]:
    """The customers parked for `group`; until the transaction ends nobody else parks (nor, if exclusive, works).

    The transaction does not wait for the disk. That is safe: what is folded is in the log, which is durable, and rows,
    parked letters and positions commit together, so a crash loses all of them or none, and they are folded again.
    """
    kind = "" if exclusive else "_shared"
    await session.execute(
        f"select set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock{kind}(5348004, hashtext($1))",
        group,
    )
    rows = await session.fetch(
        "select distinct customer from dead_letters where grp = $1 and discarded_at is null", group
    )
    return {r[0] for r in rows}


async def park(session: Session, group: str, parked: Iterable[Parked]) -> None:
    """Write the letters down, in order."""
    rows: Sequence[Parked] = list(parked)
    if not rows:
        return
    raws = [p.letter.delivery.raw for p in rows]
    await session.execute(
        _PARK,
        group,
        [p.letter.customer for p in rows],
        [p.letter.delivery.topic for p in rows],
        [r.part for r in raws],
        [r.position for r in raws],
        [r.id for r in raws],
        [r.type for r in raws],
        ["behind" if p.error is None else "poison" for p in rows],
        [None if p.error is None else described(p.error) for p in rows],
        [None if p.error is None else where(p.error) for p in rows],
    )


@dataclass(slots=True)
class Folded:
    """What became of a batch: events folded, letters to park, failures in a row at its end."""

    events: list[Envelope[Any]]
    parked: list[Parked]
    in_a_row: int


def fold_all(group: str, work: Folder, letters: Sequence[Letter], held: set[str], in_a_row: int) -> Folded:
    """Fold what can be; park what cannot, and all that follows of the same customer. `held`: parked before."""
    done = Folded([], [], in_a_row)
    events = done.events
    for letter in letters:
        event, error = letter.event, letter.error
        if event is None and error is None:
            continue
        if held and letter.customer in held:
            done.parked.append(Parked(letter, None))
            continue
        if event is not None and error is None:
            try:
                work.add(event)
            except Exception as raised:
                error = raised
            else:
                events.append(event)
                done.in_a_row = 0
                continue
        if error is not None:
            done.in_a_row = one_more(group, done.in_a_row, error)
            held.add(letter.customer)
            done.parked.append(Parked(letter, error))
    return done
