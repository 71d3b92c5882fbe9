"""The shape of all that is published and taken as JSON Schema: ``/schemas`` lists them, ``/schemas/{type}`` is one.

Of a type's present version the schema is made from its class; earlier versions, which are still read, lie in
``events/published`` as they were.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field

from chassis.problems import Fault, Problem
from chassis.receipts import Receipt
from chassis.wire import Direction, schema
from events.erp import DOCUMENTS
from events.registry import ALL
from events.states import STATES
from events.topics import RECEIPTS, of_context

MEDIA_TYPE = "application/schema+json"
RECEIPT = "kehu.Receipt.v1"
REFUSED: Mapping[str, Any] = {
    "source": "erp",
    "id": "PAY-7001",
    "verdict": "rejected",
    "rule": "unknown-customer",
    "type": "/problems/credit/unknown-customer",
    "sentence": "Nothing is known of customer C-103 here yet.",
    "record": "erp.payments.v1/3/4711",
    "number": 17,
}
Kind = Literal["event", "document", "receipt", "state"]


class UnknownSchema(Fault):
    """There is no schema of {type}. Near it: {near}. All of them: /schemas"""

    zh = "没有类型 {type} 的 Schema。相近的有：{near}。全部见 /schemas"
    status = 404


class Shape(NamedTuple):
    """A type as it goes over the wire in one of its versions: `text` is its schema."""

    type: str
    kind: Kind
    topic: str
    schema: Mapping[str, Any]

    @property
    def text(self) -> str:
        return json.dumps(self.schema, ensure_ascii=False, indent=2) + "\n"


class SchemaName(BaseModel):
    """A schema and where it is."""

    type: str = Field(examples=["credit.InvoiceIssued.v1"])
    kind: Kind
    topic: str = Field(description="Where messages of this type go.", examples=["kehu.credit.events.v1"])
    href: str = Field(examples=["/schemas/credit.InvoiceIssued.v1"])


class SchemaNames(BaseModel):
    """All schemas; there are no pages."""

    items: list[SchemaName]


@cache
def present() -> Mapping[str, Shape]:
    """Type with version -> its shape, of all that is sent and taken today."""
    events = (_shape(e.qualified(), "event", of_context(e.context()), schema(e, e.qualified(), "out")) for e in ALL)
    documents = (_shape(d.type, "document", d.topic, schema(d, d.type, "in")) for d in DOCUMENTS)
    states = (_shape(s.type, "state", s.topic, schema(s, s.type, "out")) for s in STATES)
    receipt = _shape(RECEIPT, "receipt", RECEIPTS, _receipt("in"))
    return {shape.type: shape for shape in (*events, *documents, *states, receipt)}


def _shape(name: str, kind: Kind, topic: str, found: Mapping[str, Any]) -> Shape:
    return Shape(name, kind, topic, found)


def _receipt(direction: Direction) -> Mapping[str, Any]:
    """What is not known of a receipt is left out, so that nothing but the verdict is required."""
    return schema(Receipt, RECEIPT, direction, REFUSED)


def published() -> Iterator[Mapping[str, Any]]:
    """Every schema as it was when it was published, of all versions."""
    for file in sorted(resources.files("events").joinpath("published").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".json"):
            yield json.loads(file.read_text("utf-8"))


@cache
def catalogue() -> Mapping[str, Shape]:
    """Type with version -> its shape, of all that is sent, taken or still read."""
    now = present()
    kinds = {name.rpartition(".v")[0]: (shape.kind, shape.topic) for name, shape in now.items()}
    earlier = {str(told["title"]): told for told in published() if told["title"] not in now}
    old = {name: Shape(name, *kinds[name.rpartition(".v")[0]], told) for name, told in earlier.items()}
    return dict(sorted({**now, **old}.items()))


def near(name: str) -> str:
    """Names of schemas that were perhaps meant."""
    names = {known.lower(): known for known in catalogue()}
    found = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    return ", ".join(names[one] for one in found) or "–"


router = APIRouter(tags=["schemas"])


@router.get("/schemas", summary="The schemas of all events, documents and receipts")
def index() -> SchemaNames:
    """Without a token, like the description of the API: shapes, no data."""
    shapes = catalogue().values()
    items = [SchemaName(type=s.type, kind=s.kind, topic=s.topic, href=f"/schemas/{s.type}") for s in shapes]
    return SchemaNames(items=items)


@router.get(
    "/schemas/{type}",
    summary="The JSON Schema of one type",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}, "description": "JSON Schema 2020-12"},
        304: {"description": "unchanged since If-None-Match"},
    },
)
def one(
    type: Annotated[str, Path(description="Type with version, as an event or document names it.")],  # noqa: A002
    if_none_match: Annotated[str | None, Header(description="The ETag of what you have.")] = None,
) -> Response:
    """Where the `dataschema` of an event leads. Earlier versions that are still read are there as well."""
    found = catalogue().get(type)
    if found is None:
        raise Problem(UnknownSchema(type=type[:100], near=near(type)))
    return unless_known(found.text, MEDIA_TYPE, if_none_match)


def unless_known(text: str, media: str, if_none_match: str | None) -> Response:
    """`text`, or 304 for whoever has it already."""
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    known = {part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type=media, headers=headers)
