"""Events to JSON and back: personal fields sealed and opened, old versions brought to today's shape."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, cast
from uuid import UUID

import orjson

from engine.decoders import model_decoder
from engine.keys import PersonalKeys, key_ids, unsealed
from engine.personal import holds_personal, spots
from engine.ports import Meta, NewEvent, RawEvent
from events.base import Event
from events.envelope import Envelope, Origin
from events.registry import BY_TYPE, event_class
from events.upcasts import UPCASTS, Upcast, upcast

CHUNK = 500
"""Events decoded before others get a turn."""
MOST_SHARED = 4_000
_SHARED: "OrderedDict[int, tuple[RawEvent, Envelope[Any]]]" = OrderedDict()
"""Events decoded for one reader of a stretch of a log and kept for the next, by the identity of what was read."""


_envelope = partial(cast(Callable[[Any, tuple[Any, ...]], Envelope[Any]], tuple.__new__), Envelope)
"""An Envelope of its fields in order; half the time of calling the class."""


@dataclass(frozen=True, slots=True)
class _Plan:
    version: int
    personal: bool
    decode: Callable[[dict[str, Any]], Event]


class Serde:
    """`keys` are those of this service's database; without them personal fields are read as None and cannot be written.

    Personal fields of another service's events are read as None: their keys are not in this database.
    """

    def __init__(self, keys: PersonalKeys | None = None, upcasts: Mapping[tuple[str, int], Upcast] = UPCASTS) -> None:
        self.keys = keys
        self._upcasts = upcasts
        self._shared = _SHARED if upcasts is UPCASTS else OrderedDict()
        self._plans = {t: _Plan(c.version, holds_personal(c), model_decoder(c)) for t, c in BY_TYPE.items()}

    def seals(self, events: Sequence[NewEvent]) -> bool:
        """Whether any of them holds personal data, so that `prepare` must come before `encode`."""
        for new in events:  # noqa: SIM110 - half the time of `any`, and most appends have one event
            if holds_personal(type(new.event)):
                return True
        return False

    async def prepare(self, events: Iterable[Event]) -> None:
        """Make sure that the persons these events speak of have keys; `encode` needs them."""
        persons = {s.person for e in events if holds_personal(type(e)) for s in spots(e, e.model_dump(mode="json"))}
        if persons:
            await self._keys().ensure(persons)

    def encode(self, event: Event, event_id: UUID) -> str:
        """`event` as JSON; its personal fields are bound to `event_id`. Raises KeyNotLoaded before `prepare`."""
        if not holds_personal(type(event)):
            return event.__pydantic_serializer__.to_json(event).decode()
        dumped = event.model_dump(mode="json")
        for spot in list(spots(event, dumped)):
            key = self._keys().of_person(spot.person)
            spot.holder[spot.field] = key.seal(spot.holder[spot.field], f"{event_id}{spot.path}")
        return orjson.dumps(dumped).decode()

    async def prefetch(self, raws: Iterable[RawEvent]) -> None:
        """Fetch the keys that `decode` needs for these events, at once."""
        if self.keys is None:
            return
        wanted = [raw for raw in raws if (plan := self._plans.get(raw.type)) and plan.personal]
        if wanted:
            await self.keys.load({k for raw in wanted for k in key_ids(orjson.loads(raw.data))})

    def decode(self, raw: RawEvent) -> Envelope[Any]:
        """The event in today's shape; what is sealed with a destroyed or a foreign key is None.

        Raises UnknownType and UnknownVersion (a newer writer), ValueError (not what we wrote), and KeyNotLoaded where
        `prefetch` was left out.
        """
        position, part, stream, version, event_id, kind, schema, customer, company, text, meta, effective, recorded = (
            raw
        )
        plan = self._plans.get(kind)
        if plan is None:
            event_class(kind)
            raise AssertionError("registered after start")
        data: dict[str, Any] = orjson.loads(text)
        if plan.personal:
            data = unsealed(data, str(event_id), self.keys)
        if schema == plan.version:
            event = plan.decode(data)
        else:
            event = event_class(kind).model_validate(upcast(kind, schema, data, self._upcasts))
        return _envelope(
            (event_id, kind, schema, stream, version, position, part, customer, company, effective, recorded,
             *read_meta(meta), event)
        )  # fmt: skip

    def decode_shared(self, raw: RawEvent) -> Envelope[Any]:
        """As `decode`; whoever else reads the very same `raw` soon is given the same event. Not for personal data."""
        found = self._shared.get(id(raw))
        if found is not None and found[0] is raw:
            return found[1]
        event = self.decode(raw)
        if not self._plans[raw.type].personal:
            if len(self._shared) >= MOST_SHARED:
                self._shared.popitem(last=False)  # a dict looks for its first key past all that were taken out
            self._shared[id(raw)] = raw, event
        return event

    async def decode_all(self, raws: Sequence[RawEvent]) -> list[Envelope[Any]]:
        """`prefetch` and `decode`; between portions others get a turn."""
        await self.prefetch(raws)
        if len(raws) <= CHUNK:
            return [self.decode(raw) for raw in raws]
        decoded: list[Envelope[Any]] = []
        for start in range(0, len(raws), CHUNK):
            decoded += [self.decode(raw) for raw in raws[start : start + CHUNK]]
            await asyncio.sleep(0)
        return decoded

    def _keys(self) -> PersonalKeys:
        if self.keys is None:
            raise ValueError("personal data cannot be stored without a key-encryption key")
        return self.keys


WRITTEN = 5
"""Fields of Meta that are kept with an event; the recorded time has a column of its own."""


def write_meta(meta: Meta) -> str:
    """Who and why, as it is stored with each event."""
    return orjson.dumps(
        {
            "actor": meta.actor,
            "correlation": meta.correlation,
            "causation": meta.causation,
            "traceparent": meta.traceparent,
            "origin": meta.origin,
        },
        default=str,  # the driver's UUIDs are of a class orjson does not know
    ).decode()


@lru_cache(maxsize=4096)
def read_meta(text: str) -> tuple[str, UUID, UUID | None, str | None, Origin]:
    """Actor, correlation, causation, traceparent and origin; the events of an append share one text."""
    meta = orjson.loads(text)
    causation = meta["causation"]
    return (
        meta["actor"],
        UUID(meta["correlation"]),
        UUID(causation) if causation else None,
        meta["traceparent"],
        meta["origin"],
    )
