"""Who may do what, read from the routes themselves: roles, and whether a salesperson sees its own customers alone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from chassis import context, sse
from chassis.app import described
from chassis.auth import ROLES, Role
from chassis.service import Service

NARROWED: frozenset[Callable[..., Any]] = frozenset(
    {
        context.reading, context.reading_all, context.doing, context.log, context.personal, context.present,
        sse.streaming,
    }
)  # fmt: skip
"""What gives a route customers: each of these gives a salesperson its own alone."""

HEAD = """# Who may do what 访问权限

Generated from the routes; a test asks every one of them as every role. `admin` may do all of it, and is left out.

**Rows 数据范围:** `own`: whoever holds `sales` and no other role sees and changes the customers it looks after
(仅限本人负责的客户), and all else is as if unknown to it; every other role sees all customers."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use one operation. `rows`: what a salesperson sees there; nothing where it may not."""

    method: str
    path: str
    roles: tuple[Role, ...]
    rows: Literal["own", "unknown", "nothing"]

    @property
    def operation(self) -> str:
        """As in OpenAPI: ``POST /orders``."""
        return f"{self.method} {self.path}"


def access(service: Service) -> Sequence[Access]:
    """Of every operation of a service, in the order of its routes."""
    routes = [r for r in iter_route_contexts(described(service).routes) if isinstance(r.original_route, APIRoute)]
    return [found for route in routes if route.include_in_schema for found in _of(route)]


def _of(route: RouteContext) -> Iterable[Access]:
    calls = set(_calls(route.dependant))
    named = [set(roles) for call in calls if (roles := getattr(call, "roles", None))]
    may = tuple(role for role in ROLES if role == "admin" or all(role in roles for roles in named))
    rows: Literal["own", "unknown", "nothing"] = "nothing"
    if "sales" in may:
        rows = "unknown" if calls.isdisjoint(NARROWED) else "own"
    for method in sorted((route.methods or set()) - {"HEAD"}):
        yield Access(method, route.path_format or "", may, rows)


def _calls(dependant: Dependant) -> Iterable[Callable[..., Any]]:
    for inner in dependant.dependencies:
        if inner.call is not None:
            yield inner.call
        yield from _calls(inner)


def reference(services: Sequence[Service]) -> str:
    """The page docs/reference/access.md."""
    lines = HEAD.splitlines()
    for service in services:
        lines += ["", f"## {service.prefix}", "", "| operation | roles | rows |", "|---|---|---|"]
        lines += [_row(found) for found in access(service)]
    return "\n".join(lines) + "\n"


def _row(found: Access) -> str:
    others = [role for role in found.roles if role != "admin"]
    who = "every role" if len(found.roles) == len(ROLES) else ", ".join(others) or "admin only"
    return f"| `{found.operation}` | {who} | {'own' if found.rows == 'own' else ''} |"
