"""What OpenAPI says of a service beyond what FastAPI derives from its routes."""

from typing import Any, cast

from fastapi import FastAPI

from chassis.idempotency import HEADER, LONGEST_KEY
from chassis.problems import MEDIA_TYPE, ProblemBody

KEY = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"\S"}
"""An Idempotency-Key."""

BEARER = {
    "HTTPBearer": {
        "type": "http",
        "description": "`Authorization: Bearer <token>`. In embedded mode: dev-admin, dev-finance, ...",
        "scheme": "bearer",
    }
}
"""How one says who asks. The gate looks at it; as a dependency of every route FastAPI would look, too."""


def complete(app: FastAPI) -> None:
    """Have the document of `app` say where problems are answered and which headers are needed."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            parts = schema["components"]
            parts["schemas"] = dict(sorted({**parts["schemas"], **_told_alone()}.items()))
            parts["securitySchemes"] = BEARER
            for operation in (o for path in schema["paths"].values() for o in path.values()):
                operation["security"] = [{name: [] for name in BEARER}]
                _move_problems(operation["responses"])
                for parameter in operation.get("parameters", ()):
                    _settle(parameter)
        return cast(dict[str, Any], app.openapi_schema)

    app.openapi = openapi  # type: ignore[method-assign]


def _told_alone() -> dict[str, Any]:
    """What no route has as its own answer, by name: problems. FastAPI tells of no default that is null."""
    body = ProblemBody.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    for field in body["properties"].values():
        field.pop("default", None)
    return {**body.pop("$defs", {}), ProblemBody.__name__: body}


def _move_problems(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        content = response.get("content", {})
        if status >= "400" and "application/json" in content:
            content[MEDIA_TYPE] = content.pop("application/json")


def _settle(parameter: dict[str, Any]) -> None:
    """A key is needed: FastAPI takes it for optional, as a missing one is answered by a rule. Nothing is ever null."""
    if parameter["name"] == HEADER:
        parameter |= {"required": True, "schema": KEY}
    kinds = parameter["schema"].pop("anyOf", ())
    real = [kind for kind in kinds if kind != {"type": "null"}]
    parameter["schema"] |= real[0] if len(real) == 1 else {"anyOf": real} if real else {}
