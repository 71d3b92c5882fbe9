"""Descriptions people read, from files that lie here: no request leaves a page.

Swagger UI at `<prefix>/docs`; at the root ``/asyncapi``, the topics, over ``/asyncapi.json``.
"""

from importlib import resources
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from chassis import asyncapi
from chassis.schemas import unless_known

_ALL = Path(str(resources.files("chassis") / "static"))
STATIC, TOPICS_STATIC = _ALL / "docs", _ALL / "asyncapi"
PAGE, FILES = "/docs", "/docs/files"
TOPICS, TOPICS_FILE, TOPICS_FILES = "/asyncapi", "/asyncapi.json", "/asyncapi/files"
POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy of the pages. Swagger UI draws its icons as data: images."""
HEADERS = {"Content-Security-Policy": POLICY}


def describe(app: FastAPI) -> None:
    """Add the page of an API to `app`; before the routes, some of which take every path."""

    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers=HEADERS)

    app.add_api_route(PAGE, page, include_in_schema=False)
    app.mount(FILES, StaticFiles(directory=STATIC))


def describe_topics(app: FastAPI) -> None:
    """Add the page of the topics to `app`, and the document it shows."""

    async def page() -> FileResponse:
        return FileResponse(TOPICS_STATIC / "index.html", headers=HEADERS)

    def file(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        return unless_known(asyncapi.text(), "application/json", if_none_match)

    app.add_api_route(TOPICS, page, include_in_schema=False)
    app.add_api_route(TOPICS_FILE, file, include_in_schema=False)
    app.mount(TOPICS_FILES, StaticFiles(directory=TOPICS_STATIC))
