"""The customers: one row each, without any personal data. Contacts are told from the log, in ``contacts.py``."""

from collections.abc import Iterable
from datetime import date
from typing import Any, assert_never, get_args

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from chassis.context import missing
from customer_svc.domain.customer import NoSuchCustomer
from engine.database import Connection
from engine.projection import Key, Row, Rows, replaced
from events.customer import (
    Basics,
    ContactRecorded,
    ContactRemoved,
    CustomerEvent,
    CustomerRegistered,
    CustomerType,
    CustomerUpdated,
    OwnerAssigned,
    PersonErased,
    ProfileRecorded,
)
from events.envelope import Envelope

customers = sa.Table(
    "customers",
    sa.MetaData(),
    sa.Column("customer", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("group", sa.Text),
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("street", sa.Text, nullable=False),
    sa.Column("city", sa.Text, nullable=False),
    sa.Column("postal_code", sa.Text, nullable=False),
    sa.Column("country", sa.Text, nullable=False),
    sa.Column("tax_id", sa.Text, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("updated_on", sa.Date, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("owner", "owner"),
)
_NAMES = tuple(customers.c.keys())


class CustomerRow(BaseModel):
    """A customer as shown. `version` is what If-Match names; `updated_on` the day the basic record last changed."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"customer": "C-103", "name": "沪东机械", "type": "dealer"}}
    )

    customer: str = Field(examples=["C-103"])
    name: str
    type: CustomerType
    currency: str = Field(examples=["CNY"])
    owner: str | None
    group: str | None
    phone: str
    street: str
    city: str
    postal_code: str
    country: str
    tax_id: str
    since: date
    updated_on: date
    version: int


# --- fold ---------------------------------------------------------------------------------------------------------


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    return [(envelope.event.customer,)]


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    event: CustomerEvent = envelope.event
    if isinstance(event, CustomerRegistered):
        row = tuple({**dict.fromkeys(_NAMES), "customer": key[0], "since": event.since}.values())
    return row and replaced(_NAMES, row, {**_changes(event, envelope.effective), "version": envelope.version})


def _changes(event: CustomerEvent, on: date) -> dict[str, Any]:
    match event:
        case CustomerRegistered() | CustomerUpdated():
            return {**_columns(event.basics), "updated_on": on}
        case OwnerAssigned():
            return {"owner": event.owner}
        case ContactRecorded() | ContactRemoved() | PersonErased() | ProfileRecorded():
            return {}
        case _:
            assert_never(event)


def _columns(basics: Basics) -> dict[str, Any]:
    return {**basics.model_dump(exclude={"address"}), **basics.address.model_dump()}


CUSTOMERS = Rows(
    table=customers,
    version=1,
    handles=get_args(CustomerEvent),
    keys=keys,
    fold=fold,
)

# --- queries ------------------------------------------------------------------------------------------------------


def matching(owner: str | None, type_: str | None, q: str | None) -> sa.Select[Any]:
    """Customers of `owner`, of `type_`, with `q` in their name or key; None: any."""
    query = sa.select(customers)
    if owner is not None:
        query = query.where(customers.c.owner == owner)
    if type_ is not None:
        query = query.where(customers.c.type == type_)
    if q is not None:
        c = customers.c
        query = query.where(c.name.icontains(q, autoescape=True) | c.customer.icontains(q, autoescape=True))
    return query


BY_KEY = customers.c.customer


async def one(read: Connection, customer: str) -> CustomerRow:
    """Raises the problem 404."""
    found = (await read.execute(sa.select(customers).where(customers.c.customer == customer))).mappings().first()
    if found is None:
        raise missing(NoSuchCustomer, customer=customer)
    return CustomerRow.model_validate(dict(found))
