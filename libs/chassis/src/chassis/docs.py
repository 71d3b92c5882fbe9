"""Swagger UI at `<prefix>/docs`, from files that lie here: no request leaves the page."""

from importlib import resources
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

STATIC = Path(str(resources.files("chassis") / "static" / "docs"))
PAGE, FILES = "/docs", "/docs/files"
POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The page's Content-Security-Policy. Swagger UI draws its icons as data: images."""


def describe(app: FastAPI) -> None:
    """Add the page to `app`; before the routes, some of which take every path."""

    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Content-Security-Policy": POLICY})

    app.add_api_route(PAGE, page, include_in_schema=False)
    app.mount(FILES, StaticFiles(directory=STATIC))
