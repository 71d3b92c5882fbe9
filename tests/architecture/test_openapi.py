"""Every operation over HTTP says in a few words what it is for, and in a sentence what it does."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from tools.openapi import document

from chassis.app import create_app
from chassis.service import Service

PACKAGES = ("customer_svc", "credit_svc", "complaint_svc", "analytics_svc")


def described(package: str) -> dict[str, Any]:
    service = importlib.import_module(f"{package}.service").SERVICE
    assert isinstance(service, Service)
    found: dict[str, Any] = json.loads(document(service))
    return found


def operations(api: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in api["paths"].items():
        yield from ((f"{method} {path}", operation) for method, operation in item.items())


def silent(api: dict[str, Any]) -> list[str]:
    """Operations without a sentence, or whose summary is only made from the name of a function."""
    return [name for name, o in operations(api) if not o.get("description") or not o.get("summary") or made(o)]


def undescribed(api: dict[str, Any]) -> list[str]:
    """Parameters that nothing is said of."""
    return [
        f"{name}: {p['name']}"
        for name, o in operations(api)
        for p in o.get("parameters", ())
        if not p.get("description")
    ]


def made(operation: dict[str, Any]) -> bool:
    summary = str(operation["summary"])
    function = summary.lower().replace(" ", "_")
    return summary == summary.title() and str(operation["operationId"]).startswith(f"{function}_")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_operation_of_a_service_has_a_summary_and_a_description(package: str) -> None:
    assert silent(described(package)) == []


def test_every_operation_at_the_root_has_a_summary_and_a_description() -> None:
    assert silent(create_app([]).openapi()) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_parameter_of_a_service_has_a_description(package: str) -> None:
    assert undescribed(described(package)) == []


def test_every_parameter_at_the_root_has_a_description() -> None:
    assert undescribed(create_app([]).openapi()) == []


def test_a_route_that_says_nothing_is_found() -> None:
    app = FastAPI()

    @app.get("/told", summary="The open business day")
    def told(company: str) -> None:
        """Which day it is."""

    @app.get("/unnamed")
    def settle_all() -> None:
        """Settles all there is."""

    @app.get("/silent", summary="Something")
    def silence() -> None:
        pass

    assert silent(app.openapi()) == ["get /unnamed", "get /silent"]
    assert undescribed(app.openapi()) == ["get /told: company"]
