"""A small but real service on a real database: credit accounts that are opened and given limits."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, assert_never, cast

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import Column, MetaData, Table, Text, select

from chassis.app import create_app
from chassis.context import Answer, Do, Page, Paged, Read, Today, allowed, missing
from chassis.routes import Routes
from chassis.run import opened, working
from chassis.runtime import Runtime
from chassis.service import Service
from chassis.settings import Auth, Http, Intake, Settings
from chassis.sse import Live
from chassis.testing import prepared
from engine.decider import Aggregate, Command, Decider, Decision, Facts, NotFound, Ref, Rejected, States, Waits
from engine.projection import Key, Row, Rows
from engine.testing import running as at_work
from engine.testing.plugin import MakeDatabase, TestServer
from events import erp
from events.base import Currency, CustomerId, Event, Id, NonNegativeMoney
from events.company import WentLive
from events.credit import AccountOpened, LimitSet
from events.envelope import Envelope


class OpenAccount(Command):
    customer: CustomerId
    currency: Currency


class SetLimit(Command):
    customer: CustomerId
    limit: NonNegativeMoney | None


class TakeTerms(SetLimit):
    """A limit the ERP asks for; it waits for the account."""


class GoLive(Command):
    pass


class AlreadyOpen(Rejected):
    """The account of {customer} is open since {since}."""

    zh: ClassVar[str] = "客户 {customer} 的账户已于 {since} 开立。"


class NoAccount(NotFound):
    """There is no account of {customer}."""

    zh: ClassVar[str] = "客户 {customer} 没有账户。"


class AccountNotThere(Waits):
    """The account of {customer} has not been opened yet."""

    zh: ClassVar[str] = "客户 {customer} 的账户尚未开立。"


@dataclass(frozen=True, slots=True)
class State:
    opened: AccountOpened | None = None
    limit: NonNegativeMoney | None = None


def evolve(state: State, event: Event) -> State:
    match cast(AccountOpened | LimitSet | WentLive, event):
        case AccountOpened() as opened:
            return replace(state, opened=opened)
        case LimitSet(limit=limit):
            return replace(state, limit=limit)
        case WentLive():
            return state
        case other:
            assert_never(other)


ACCOUNT = Aggregate("account", State(), evolve)
CALENDAR = Aggregate("calendar", State(), evolve)


def streams(command: Any, facts: Facts) -> list[Ref[State]]:
    return [CALENDAR("main")] if isinstance(command, GoLive) else [ACCOUNT(command.customer)]


def decide(command: Any, states: States, facts: Facts) -> Decision:
    if isinstance(command, GoLive):
        return [(CALENDAR("main"), WentLive(day=facts.today, loaded_documents=1))]
    account = ACCOUNT(command.customer)
    known = states[account].opened
    if isinstance(command, OpenAccount):
        if known:
            raise AlreadyOpen(customer=command.customer, since=known.opened_on)
        opening = AccountOpened(
            customer=command.customer, currency=command.currency, limit=None, risk_class="CA3", opened_on=facts.today
        )
        return [(account, opening)]
    if known is None:
        raise (AccountNotThere if isinstance(command, TakeTerms) else NoAccount)(customer=command.customer)
    before = states[account].limit
    if before == command.limit and command.limit is not None:
        return []
    return [
        (account, LimitSet(customer=command.customer, limit=command.limit, previous=before, valid_from=facts.today))
    ]


DECIDER = Decider(
    (OpenAccount, SetLimit, TakeTerms, GoLive), streams, decide, rules=(AlreadyOpen, NoAccount, AccountNotThere)
)

accounts = Table(
    "accounts", MetaData(), Column("customer", Text, primary_key=True), Column("currency", Text, nullable=False)
)


def _keys(envelope: Envelope[Any]) -> tuple[Key, ...]:
    return ((envelope.customer,),)


POISON: set[str] = set()
"""Customers the view cannot fold."""


def _fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    if envelope.customer in POISON:
        raise ValueError("poison")
    return (*key, envelope.event.currency)


ACCOUNTS = Rows(table=accounts, version=1, handles=(AccountOpened,), keys=_keys, fold=_fold)


class AccountRow(BaseModel):
    customer: str
    currency: str


routes = Routes()


@routes.post("/accounts", status_code=201)
async def open_account(body: OpenAccount, do: Do) -> Answer:
    return await do(body, key=body.customer)


class Limit(BaseModel):
    limit: NonNegativeMoney | None


@routes.put("/accounts/{customer}/limit", dependencies=[allowed("finance", "credit_manager")])
async def set_limit(customer: Id, body: Limit, do: Do) -> Answer:
    return await do(SetLimit(customer=customer, limit=body.limit))


@routes.post("/live")
async def go_live(do: Do) -> Answer:
    return await do(GoLive())


@routes.post("/new-key")
async def new_key(do: Do) -> dict[str, str]:
    return {"id": do.new_key("CP")}


@routes.get("/accounts")
async def list_accounts(read: Read, page: Page) -> Paged[AccountRow]:
    return await page.fetch(read, select(accounts), accounts.c.customer, into=AccountRow)


@routes.get("/accounts/live")
async def live_accounts(live: Live) -> StreamingResponse:
    return live.of(AccountOpened, render=lambda e: ("opened", {"customer": e.customer}))


@routes.get("/accounts/{customer}")
async def show_account(customer: Id, read: Read) -> AccountRow:
    row = (await read.execute(select(accounts).where(accounts.c.customer == customer))).mappings().first()
    if row is None:
        raise missing(NoAccount, customer=customer)
    return AccountRow.model_validate(dict(row))


@routes.get("/today")
async def which_day(day: Today) -> dict[str, str]:
    return {"day": day.isoformat()}


@routes.get("/broken")
async def broken() -> None:
    raise RuntimeError("the secret of C-1 must not be seen")


def _terms(document: erp.CreditTerms) -> Command:
    return TakeTerms(customer=document.customer, limit=document.limit)


def _customer(document: erp.Customer) -> Command:
    return OpenAccount(customer=document.customer, currency=document.basics.currency)


SERVICE = Service(
    name="credit",
    prefix="/api/credit",
    title="Credit, in small",
    contexts=("credit", "company"),
    routers=(routes,),
    deciders=(DECIDER,),
    views=(ACCOUNTS,),
    intake={erp.CreditTerms: _terms, erp.Customer: _customer},
)


@dataclass
class Running:
    """The app on its runtime, and a client with the rights of everyone."""

    runtime: Runtime
    app: FastAPI
    http: httpx.AsyncClient

    async def open(self, customer: str, key: str | None = None) -> httpx.Response:
        body = {"customer": customer, "currency": "CNY"}
        return await self.http.post("/api/credit/accounts", json=body, headers={"Idempotency-Key": key or customer})

    async def limit(self, customer: str, amount: str, key: str, **headers: str) -> httpx.Response:
        body = {"limit": {"amount": amount, "currency": "CNY"}}
        headers = {"Idempotency-Key": key, **headers}
        return await self.http.put(f"/api/credit/accounts/{customer}/limit", json=body, headers=headers)


def as_user(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def settings() -> Settings:
    return Settings(
        auth=Auth(development=True),
        http=Http(patience=30.0, heartbeat=0.2),
        intake=Intake(retry=0.05, wait=timedelta(days=3)),
    )


@asynccontextmanager
async def run(service: Service, settings: Settings, url: str) -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        (runtime,) = await stack.enter_async_context(opened([service], settings, {service.name: url, "customer": url}))
        await stack.enter_async_context(working([runtime]))
        app = create_app([runtime])
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://kehu", headers=as_user("dev-admin"), timeout=20
        )
        yield Running(runtime, app, await stack.enter_async_context(client))


@pytest.fixture
async def url(make_database: MakeDatabase, postgres_server: TestServer) -> str:
    return await prepared(make_database, postgres_server, SERVICE)


@pytest.fixture
def start(url: str) -> Callable[[Settings], AbstractAsyncContextManager[Running]]:
    """Starts the sample service with settings of the test's own."""
    return lambda settings: run(SERVICE, settings, url)


@pytest.fixture
async def running(settings: Settings, url: str) -> AsyncIterator[Running]:
    async with run(SERVICE, settings, url) as it:
        yield it


@pytest.fixture
def poison() -> Iterator[set[str]]:
    """Customers the view cannot fold, while the test runs."""
    yield POISON
    POISON.clear()


@pytest.fixture
def http(running: Running) -> httpx.AsyncClient:
    return running.http


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return at_work.eventually
