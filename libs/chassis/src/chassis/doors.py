"""The door of the intake: CloudEvents over HTTP in, receipts out."""

from typing import Annotated, Any

from fastapi import Header, Query, Request, Response
from pydantic import BaseModel
from starlette.datastructures import Headers

from chassis import cloudevents
from chassis.auth import Role
from chassis.cloudevents import Message, NoMessage
from chassis.context import POSITION, Who, allowed
from chassis.intake import Sender, Taken
from chassis.parameters import Position
from chassis.problems import InitialLoadOver, InvalidMessage, Problem, TooLarge, language_of
from chassis.receipts import Receipt, errors_of, receipt_of, refusal, rule_of
from chassis.routes import Routes
from chassis.runtime import Runtime
from events.envelope import Origin

SENDERS: tuple[Role, ...] = ("integration",)
router = Routes(exact=False, tags=["intake"], dependencies=[allowed(*SENDERS)])


class Receipts(BaseModel):
    """Receipts of a batch, in its order, or a page of those kept; `next` is to be asked for as `after`."""

    items: list[Receipt]
    next: int | None = None


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            cloudevents.STRUCTURED: {
                "schema": {"type": "object"},
                "example": {
                    "specversion": "1.0",
                    "source": "erp",
                    "id": "PAY-7001",
                    "type": "erp.Payment.v1",
                    "data": {
                        "customer": "C-103",
                        "payment": "7001",
                        "amount": {"amount": "120.00", "currency": "USD"},
                        "value_date": "2005-05-31",
                    },
                },
            },
            cloudevents.BATCH: {
                "schema": {"type": "array", "description": "CloudEvents; what is none gets a receipt that says so."}
            },
            "application/json": {
                "schema": {"type": "object", "description": "binary mode: attributes in ce-* headers"}
            },
        },
    },
}


@router.post(
    "/intake",
    openapi_extra=BODY,
    summary="Documents of the ERP as CloudEvents",
    response_model=Receipt | Receipts,
    response_description="duplicate; a batch is done",
    responses={202: {"description": "accepted or waiting", "model": Receipt | Receipts}},
)
async def intake(
    request: Request,
    response: Response,
    principal: Who,
    origin: Annotated[Origin, Query(description="initial_load: history, before the company goes live.")] = "live",
    accept_language: Annotated[str | None, Header(description="Of the sentences: en or zh-CN.")] = None,
) -> Receipt | Response:
    """One document (binary or structured mode) or up to 1000 (batch mode); each is answered with its receipt."""
    runtime: Runtime = request.app.state.runtime
    if origin == "initial_load" and await runtime.went_live():
        raise Problem(InitialLoadOver())
    sender = Sender(principal, request.state.correlation, request.state.traceparent, origin)
    door = _Door(runtime, sender, language_of(accept_language))
    if cloudevents.is_batch(request.headers):
        receipts = await door.batch(await request.body())
        status = 202 if any(r.verdict == "waiting" for r in receipts.items) else 200
        return Response(receipts.model_dump_json(), status, media_type="application/json")  # made here, valid
    taken = await door.single(request.headers, await request.body())
    response.status_code = 200 if taken.duplicate else 202
    response.headers[POSITION] = f"{runtime.service.name}:{taken.entry.position or 0}"
    return door.receipt(taken)


@router.get("/intake/receipts", summary="The present verdict on every message, in the order they were given")
async def receipts(
    request: Request,
    after: Annotated[Position, Query(description="Number of the last receipt seen.")] = 0,
    source: Annotated[str | None, Query(description="Only messages of this source.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Receipts on a page.")] = 500,
    accept_language: Annotated[str | None, Header(description="Of the sentences: en or zh-CN.")] = None,
) -> Receipts:
    """A message whose verdict changes (it waited, it was sent anew) comes again with a higher number."""
    runtime: Runtime = request.app.state.runtime
    found = await runtime.inbox.receipts(after, source, limit)
    language = language_of(accept_language)
    items = [receipt_of(runtime, Taken(entry), language) for entry in found]
    return Receipts(items=items, next=found[-1].receipt if found else after)


class _Door:
    """Takes the messages of one request and says what became of them in the sender's language."""

    def __init__(self, runtime: Runtime, sender: Sender, language: str) -> None:
        self._runtime, self._sender, self._language = runtime, sender, language

    async def single(self, headers: Headers, body: bytes) -> Taken:
        """Raises the problem of the rule that refused."""
        limit = self._runtime.settings.http.largest_document
        if len(body) > limit:
            raise Problem(TooLarge(limit=limit))
        taken = (await self._runtime.intake.take([cloudevents.single(headers, body)], self._sender))[0]
        if taken.verdict == "rejected":
            raise Problem(rule_of(self._runtime, taken.entry), errors=errors_of(taken.entry))
        return taken

    async def batch(self, body: bytes) -> Receipts:
        """A receipt for each, in order; what is no message gets one, too."""
        found = cloudevents.batch(body, self._runtime.settings.intake.batch)
        taken = iter(await self._runtime.intake.take([m for m in found if isinstance(m, Message)], self._sender))
        return Receipts(items=[self.receipt(next(taken)) if isinstance(m, Message) else self._none(m) for m in found])

    def receipt(self, taken: Taken) -> Receipt:
        return receipt_of(self._runtime, taken, self._language)

    def _none(self, reason: NoMessage) -> Receipt:
        return refusal(InvalidMessage(reason=str(reason)), self._language)
