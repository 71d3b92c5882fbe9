"""Serves the console: static files at `/`, and the few things they have to know."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header
from pydantic import BaseModel
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from chassis.problems import language_of
from console.places import Place

STATIC = Path(str(resources.files("console") / "static"))
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Cache-Control": "no-cache",
}
"""Nothing from elsewhere, no script or style in the markup. A browser asks each time whether a file has changed."""


class Docs(BaseModel):
    """Where the API of a service is described."""

    name: str
    title: str
    href: str


class Start(BaseModel):
    """What the page needs to begin.

    `token`: on a development machine (else it asks for one). `language`: what Accept-Language prefers. `progress`: the
    path that tells how far the loading of data is, where something loads.
    """

    token: str | None
    language: str
    docs: list[Docs]
    progress: str | None


class Files(StaticFiles):
    """The page's files, each with `HEADERS`."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As of StaticFiles."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def mount(app: FastAPI, places: Sequence[Place], token: str | None, progress: str | None = None) -> None:
    """Add the console to `app`; call it last, it takes every path that is still free."""
    docs = [Docs(name=s.name, title=s.title, href=f"{s.prefix}/docs") for s in places]

    def start(accept_language: Annotated[str | None, Header()] = None) -> Start:
        return Start(token=token, language=language_of(accept_language), docs=docs, progress=progress)

    app.add_api_route("/console/start", start, include_in_schema=False)
    app.mount("/", Files(directory=STATIC, html=True))
