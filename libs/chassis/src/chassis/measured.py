"""How long requests took, for Prometheus: by service, route, method and status, each of few values."""

from prometheus_client import CollectorRegistry, Histogram
from starlette.types import Scope

from engine.meters import BOUNDS

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN = "unknown"
"""In place of a path that is no route's, and of a method nobody knows: whoever asks makes up neither."""
NO_ANSWER = 499
"""In place of the status where the client left before it was told one."""


class Measured:
    """The requests of one port, told through `registry`."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        labels = ("service", "route", "method", "status")
        self._took = Histogram(
            "kehu_http_request_seconds", "Time of a request; event streams are not timed.", labels,
            buckets=BOUNDS, registry=registry,
        )  # fmt: skip

    def answered(self, service: str, scope: Scope, status: int, seconds: float) -> None:
        """A request was answered. Its label is the template of the route, never the path that was asked for."""
        labels = service, route_of(scope), known(scope["method"]), str(status or NO_ANSWER)
        self._took.labels(*labels).observe(seconds)


def known(method: str) -> str:
    """A method, where it is one."""
    return method if method in METHODS else UNKNOWN


def route_of(scope: Scope) -> str:
    """The template of the path of a request that was routed, such as ``/api/credit/invoices/{invoice}``."""
    route = scope.get("route")
    return f"{scope.get('root_path', '')}{route.path}" if route is not None else UNKNOWN
