"""Routes that are complete when they are declared, so that all applications of a process hold the same ones.

FastAPI's `include_router` makes every route anew for each application that includes it, at its first request: for the
four services a second of a processor at each start.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends

from chassis.numbers import EXACT
from chassis.problems import RESPONSES


class Routes(APIRouter):
    """The routes of one file: money keeps every digit, and what they may answer instead is described.

    `exact`: False where a route reads its body by itself. `more`: as of FastAPI's router (tags, prefix).
    """

    def __init__(self, *, exact: bool = True, dependencies: Sequence[Depends] = (), **more: Any) -> None:
        all_of_them = [*([EXACT] if exact else []), *dependencies]
        super().__init__(dependencies=all_of_them, responses=RESPONSES, **more)


def serve(app: FastAPI, *routers: APIRouter) -> None:
    """Have `app` answer the routes of these routers, in this order, as they were declared."""
    app.router.routes.extend(route for router in routers for route in router.routes)
