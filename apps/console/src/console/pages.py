"""Serves the console: static files at `/`, and the few things they have to know."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.staticfiles import StaticFiles

from chassis.service import Service

STATIC = Path(str(resources.files("console") / "static"))


class Docs(BaseModel):
    """Where the API of a service is described."""

    name: str
    title: str
    href: str


class Start(BaseModel):
    """What the page needs to begin: a token on a development machine (else it asks for one), links to the APIs."""

    token: str | None
    docs: list[Docs]


def mount(app: FastAPI, services: Sequence[Service], token: str | None) -> None:
    """Add the console to `app`; call it last, it takes every path that is still free."""
    start = Start(token=token, docs=[Docs(name=s.name, title=s.title, href=f"{s.prefix}/docs") for s in services])
    app.add_api_route("/console/start", lambda: start, response_model=Start, include_in_schema=False)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
