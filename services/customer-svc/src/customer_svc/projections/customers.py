"""The customers: one row each, without any personal data. Contacts are told from the log, in ``contacts.py``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, assert_never, get_args

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.dialects.postgresql import JSONB

from chassis.context import missing
from customer_svc.domain.customer import NoSuchCustomer
from customer_svc.domain.findable import BEGIN, findable, folded, words
from engine.database import Connection
from engine.projection import Key, Row, Rows
from events.customer import (
    Basics,
    BlockRecorded,
    ContactRecorded,
    ContactRemoved,
    CustomerEvent,
    CustomerRegistered,
    CustomerType,
    CustomerUpdated,
    DealingsRecorded,
    OwnerAssigned,
    PersonErased,
    ProfileRecorded,
    RecordEvent,
    RecordVerified,
)
from events.envelope import Envelope
from events.record import LargeForm, ProductLine, SupplierPosition

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
    sa.Column("business_types", JSONB, nullable=False),
    sa.Column("form", sa.Text),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("product_line", sa.Text),
    sa.Column("supplier_position", sa.Text),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("updated_on", sa.Date, nullable=False),
    sa.Column("verified_on", sa.Date, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("record_version", sa.BigInteger, nullable=False),
    sa.Column("dealings_on", sa.Date),
    sa.Column("findable", sa.Text, nullable=False),
    sa.Index("owner", "owner"),
    sa.Index("group", "group"),
)
_NAMES = tuple(customers.c.keys())
_BEFORE = {"verified_on": date.min, "record_version": 0, "business_types": [], "sector": ""}


class CustomerRow(BaseModel):
    """A customer as shown.

    `version` is what If-Match names for the basics, owner and contacts, `record_version` for the blocks of the record.
    `updated_on` is the day the basic record last changed, `verified_on` the day anything of the record was last found
    out or looked through (R-008); `stale`: that is longer ago than the company allows.
    """

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
    business_types: tuple[str, ...]
    form: LargeForm | None
    sector: str
    product_line: ProductLine | None
    supplier_position: SupplierPosition | None
    since: date
    updated_on: date
    verified_on: date
    stale: bool
    version: int
    record_version: int


class GroupRow(BaseModel):
    """A group of customers; `name` is that of the parent where the group's key is a customer itself."""

    group: str = Field(examples=["G-1"])
    name: str | None
    members: int


# --- fold ---------------------------------------------------------------------------------------------------------


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    return [(envelope.event.customer,)]


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    event: CustomerEvent | RecordEvent = envelope.event
    if row is None and not isinstance(event, CustomerRegistered):
        return None
    before = dict(zip(_NAMES, row, strict=True)) if row else {**dict.fromkeys(_NAMES), **_BEFORE, "customer": key[0]}
    if isinstance(event, RecordEvent) and not isinstance(event, ProfileRecorded):
        changes = _of_record(event, before) | {"record_version": envelope.version}
    else:
        changes = _of_customer(event, envelope, before) | {"version": envelope.version}
    return tuple((before | changes)[n] for n in _NAMES)


def _of_customer(event: CustomerEvent, envelope: Envelope[Any], before: Mapping[str, Any]) -> dict[str, Any]:
    match event:
        case CustomerRegistered(since=since):
            recorded = {"since": since, "updated_on": since, "verified_on": max(since, envelope.recorded.date())}
            return _basics(event.customer, event.basics) | recorded
        case CustomerUpdated():
            on = envelope.effective
            return _basics(event.customer, event.basics) | {"updated_on": on, "verified_on": _later(before, on)}
        case OwnerAssigned():
            return {"owner": event.owner}
        case ContactRecorded() | ContactRemoved() | PersonErased() | ProfileRecorded():
            return {}
        case _:
            assert_never(event)


def _basics(customer: str, basics: Basics) -> dict[str, Any]:
    shown = {**basics.model_dump(exclude={"address"}), **basics.address.model_dump()}
    return {**shown, "findable": findable(customer, basics)}


def _of_record(event: RecordEvent, before: Mapping[str, Any]) -> dict[str, Any]:
    """What was collected earlier than the dealings at hand does not replace them."""
    on = event.collected.on
    changes: dict[str, Any] = {"verified_on": _later(before, on)}
    if isinstance(event, DealingsRecorded) and (before["dealings_on"] is None or on >= before["dealings_on"]):
        changes |= {**event.block.model_dump(mode="json"), "dealings_on": on}
    return changes


def _later(before: Mapping[str, Any], on: date) -> date:
    found: date = max(before["verified_on"], on)
    return found


CUSTOMERS = Rows(
    table=customers,
    version=2,
    handles=(*get_args(CustomerEvent), *get_args(BlockRecorded), RecordVerified),
    keys=keys,
    fold=fold,
)

# --- queries ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which customers a list shows; None: any. A record verified before `stale_before` is stale."""

    stale_before: date
    q: str | None = None
    owner: str | None = None
    without_owner: bool | None = None
    group: str | None = None
    type: str | None = None
    city: str | None = None
    business_type: str | None = None
    stale: bool | None = None


def selected(wanted: Wanted) -> sa.Select[Any]:
    """The customers wanted, with `rank`: how well they fit what is searched for."""
    c = customers.c
    stale = c.verified_on < wanted.stale_before
    columns = [column for column in c if column.name not in ("dealings_on", "findable")]
    query = sa.select(*columns, stale.label("stale"), _rank(wanted.q).label("rank"))
    equal = {c.owner: wanted.owner, c.group: wanted.group, c.type: wanted.type, c.city: wanted.city}
    asked = [column == value for column, value in equal.items() if value is not None]
    if wanted.business_type is not None:
        asked.append(c.business_types.contains([wanted.business_type]))
    if wanted.without_owner is not None:
        asked.append(c.owner.is_(None) == wanted.without_owner)
    if wanted.stale is not None:
        asked.append(stale == wanted.stale)
    found = [c.findable.contains(word, autoescape=True) for word in words(wanted.q or "")]
    return query.where(*asked, *found)


def _rank(q: str | None) -> sa.ColumnElement[int]:
    """0: it is the key; 1: key, tax id, name or a reading of the name begins with it; 2: it is found within."""
    asked = folded(q or "")
    if not asked:
        return sa.literal(0, sa.Integer)
    c = customers.c
    key = sa.func.lower(c.customer) == asked
    begins = c.findable.contains(BEGIN + asked, autoescape=True)
    return sa.case((key, 0), (begins, 1), else_=2)


def ranked(query: sa.Select[Any]) -> tuple[sa.Select[Any], tuple[sa.ColumnElement[Any], ...]]:
    """The customers of `query`, and what they are sorted by on a page: rank, then key."""
    rows = query.subquery()
    return sa.select(rows), (rows.c.rank, rows.c.customer)


def grouped(query: sa.Select[Any]) -> tuple[sa.Select[Any], sa.ColumnElement[Any]]:
    """The groups of the customers of `query`, and what they are sorted by on a page."""
    rows, parent = query.subquery(), customers.alias("parent")
    groups = sa.select(rows.c.group, sa.func.count().label("members")).where(rows.c.group.is_not(None))
    found = groups.group_by(rows.c.group).subquery()
    joined = found.outerjoin(parent, parent.c.customer == found.c.group)
    return sa.select(found, parent.c.name).select_from(joined), found.c.group


async def one(read: Connection, customer: str, stale_before: date) -> CustomerRow:
    """Raises the problem 404."""
    query = selected(Wanted(stale_before=stale_before)).where(customers.c.customer == customer)
    found = (await read.execute(query)).mappings().first()
    if found is None:
        raise missing(NoSuchCustomer, customer=customer)
    return CustomerRow.model_validate(dict(found))
