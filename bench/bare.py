"""What a POST costs without Kehu: FastAPI, a body read by pydantic, a token compared, one INSERT by asyncpg, committed.

Run as a process of its own: ``python -m bench.bare URL PORT``.
"""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Annotated

import asyncpg
import uvicorn
from fastapi import FastAPI, Header, HTTPException, Request
from pydantic import BaseModel

TABLE = """create table if not exists bare_orders (
    id bigint generated always as identity primary key, key text unique, customer text, "order" text, body jsonb)"""
INSERT = 'insert into bare_orders (key, customer, "order", body) values ($1, $2, $3, $4) returning id'
TOKEN = "Bearer dev-admin"


class Line(BaseModel):
    product: str
    quantity: Decimal
    price: Decimal
    cost: Decimal | None = None


class Order(BaseModel):
    customer: str
    order: str
    order_date: date | None = None
    currency: str
    lines: list[Line]


class Placed(BaseModel):
    position: int
    id: str


def application(url: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(url, min_size=10, max_size=10)
        await app.state.pool.execute(TABLE)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/health/live")
    async def live() -> None:
        return None

    @app.post("/orders", status_code=201)
    async def place(
        order: Order,
        request: Request,
        authorization: Annotated[str, Header()],
        idempotency_key: Annotated[str, Header()],
    ) -> Placed:
        if authorization != TOKEN:
            raise HTTPException(401)
        body = json.dumps(order.model_dump(mode="json"))
        position = await request.app.state.pool.fetchval(INSERT, idempotency_key, order.customer, order.order, body)
        return Placed(position=position, id=order.order)

    return app


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), loop="uvloop", access_log=False, log_level="warning")
