"""What operations see of a service's store: the log at large, and what is sealed about one person."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from pydantic import BaseModel, Field

from chassis.context import allowed
from chassis.routes import Routes
from chassis.runtime import Runtime
from chassis.version import VERSION
from engine import inventory
from engine.database import newest_schema

router = Routes(prefix="/ops", tags=["operations"], dependencies=[allowed("operations")])


class StoreState(BaseModel):
    """A store: which life of it this is, the shape of its database, and how much it holds."""

    service: str
    version: str = Field(description="Of this software.", examples=[VERSION])
    schema_revision: str = Field(description="Shape of the database.", examples=["0004"])
    schema_known: str = Field(description="The newest shape this software knows.", examples=["0004"])
    incarnation: UUID = Field(description="Another one after a restore: positions read before it prove nothing.")
    position: int = Field(description="Of the last event; also their number.")
    recorded: datetime | None = Field(description="When the last event was recorded.")
    now: datetime = Field(description="The clock of the database.")
    persons: int = Field(description="Persons whose data can be read: each has a key.")
    waiting: int = Field(description="Documents that wait for what they refer to.")
    waiting_since: datetime | None = Field(description="Since when the longest of them does.")
    bytes: int = Field(description="Size of the database on disk.")


class SealedEvent(BaseModel):
    """An event with something in it that only the person's key opens."""

    id: UUID
    position: int
    type: str = Field(examples=["customer.ContactRecorded"])
    recorded: datetime


class PersonHeld(BaseModel):
    """What this service has sealed about a person; erasing destroys the key, and with it what is sealed in `events`."""

    service: str
    key_since: datetime | None = Field(description="None: there is no key, or it was destroyed.")
    events: int
    newest: list[SealedEvent] = Field(description="The 100 newest of these events.")


@router.get("/store", summary="The log at large: incarnation, schema, counts")
async def store(request: Request) -> StoreState:
    """Nothing of what is in the events."""
    runtime: Runtime = request.app.state.runtime
    found = await inventory.inventory(runtime.database.pool)
    return StoreState(
        service=runtime.service.name,
        version=VERSION,
        schema_revision=found.schema,
        schema_known=newest_schema(),
        incarnation=found.incarnation,
        position=found.position,
        recorded=found.recorded,
        now=found.now,
        persons=found.persons,
        waiting=found.waiting,
        waiting_since=found.waiting_since,
        bytes=found.bytes,
    )


@router.get("/persons", dependencies=[allowed("admin")], summary="What is sealed about a person")
async def person(
    request: Request,
    person: Annotated[str, Query(min_length=1, max_length=200, description="The person's id, never a name.")],
) -> PersonHeld:
    """Which events an erasure would make unreadable here. Nothing of their content."""
    runtime: Runtime = request.app.state.runtime
    found = await inventory.dossier(runtime.database.pool, person)
    newest = [SealedEvent(id=e.id, position=e.position, type=e.type, recorded=e.recorded) for e in found.newest]
    return PersonHeld(service=runtime.service.name, key_since=found.key_since, events=found.events, newest=newest)
