"""The HTTP applications: one for each service under its prefix, behind one origin."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any, cast

from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from chassis import (
    brokerage,
    docs,
    doors,
    examples,
    feed,
    health,
    holdings,
    intake_report,
    metrics,
    offsets,
    openapi,
    ops,
    own_examples,
    schemas,
)
from chassis.admission import Admission, admission
from chassis.front import EVERYBODY, Front
from chassis.gate import Gate, problem_of
from chassis.measured import Measured
from chassis.pace import Pace
from chassis.problems import OWNER, Problem, UnknownPath, answer, of_http, of_validation
from chassis.routes import serve
from chassis.rules import Rule, index
from chassis.runtime import Runtime
from chassis.service import Service
from chassis.settings import Http, Settings
from chassis.version import VERSION

ASKED = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "X-Kehu-Position")
TOLD = ("ETag", "Idempotent-Replay", "Retry-After", "X-Correlation-Id", "X-Kehu-Position")
"""Headers that pages of other origins may send, and read."""


class RuleBody(BaseModel):
    """A rule as its `type` resolves to it."""

    type: str = Field(examples=["/problems/credit/over-allocation"])
    service: str
    code: str
    status: int
    title: dict[str, str] = Field(description="The sentence by language.", examples=[{"en": "...", "zh-CN": "..."}])
    file: str
    line: int
    test: str | None = Field(description="A test that shows the rule.")


class Prefix(Mount):
    """A mount that answers at its very prefix, too: ``/api/customers``, with no slash behind."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["path"] != self.path:
            return super().matches(scope)
        match, child = super().matches({**scope, "path": scope["path"] + "/"})
        return match, {**child, "path": scope["path"] + "/"}


@dataclass(frozen=True, slots=True)
class Prefixes:
    """ASGI middleware that hands a request to the service it is for: that of the root has nothing to do with it."""

    app: ASGIApp
    mounts: Sequence[Mount]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for mount in self.mounts:
            match, child = mount.matches(scope)
            if match is Match.FULL:
                return await mount.handle({**scope, **child}, receive, send)
        return await self.app(scope, receive, send)


def service_app(runtime: Runtime, admitted: Admission, pace: Pace, measured: Measured | None = None) -> FastAPI:
    """The application of one service, to be mounted at its prefix."""
    service = runtime.service
    app = FastAPI(
        title=service.title,
        version=VERSION,
        servers=[{"url": service.prefix}],
        root_path_in_servers=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.runtime = runtime
    answer_problems(app, service.name)
    docs.describe(app)
    serve(app, feed.router, *([doors.router, intake_report.router] if service.intake else []))
    serve(app, ops.router, holdings.router, brokerage.router, offsets.router, *service.routers)
    app.add_middleware(
        cast(Any, Gate),
        service=service.name,
        admission=admitted,
        largest_body=runtime.settings.http.largest_body,
        at_once=runtime.settings.http.at_once,
        pace=pace,
        measured=measured or Measured(),
    )
    openapi.complete(app)
    told = (*service.story.examples, *own_examples.of(service))
    examples.fill(app, told, service.story.answers())
    return app


def described(service: Service) -> FastAPI:
    """The application of a service that was never opened, to read what it answers: whatever the environment says."""
    unopened = SimpleNamespace(service=service, settings=Settings.model_construct())
    pace = Pace(unopened.settings.http.rate, unopened.settings.http.failures)
    return service_app(cast(Runtime, unopened), Admission({}, None), pace)


def create_app(runtimes: Sequence[Runtime], lifespan: Lifespan[FastAPI] | None = None, title: str = "Kehu") -> FastAPI:
    """All services behind one origin, with health and the rules behind problem types at the root."""
    app = FastAPI(title=title, version=VERSION, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.runtimes = runtimes
    app.state.rules = {}
    answer_problems(app, OWNER)
    docs.describe(app)
    docs.describe_topics(app)
    serve(app, health.router, schemas.router)
    app.add_api_route(
        "/problems/{service}/{code}", rule, methods=["GET"], tags=["problems"], summary="What a rule says"
    )
    examples.fill(app, own_examples.ROOT, {})
    http = runtimes[0].settings.http if runtimes else Http()
    admitted = admission(runtimes[0].settings) if runtimes else Admission({}, None)
    pace = Pace(http.rate, http.failures)
    measured = metrics.attach(app, runtimes, admitted, pace).measured
    mounts = [Prefix(r.service.prefix, service_app(r, admitted, pace, measured)) for r in runtimes]
    app.add_middleware(cast(Any, Prefixes), mounts=mounts)
    protect(app, http)
    return app


def create_worker_app(runtime: Runtime) -> FastAPI:
    """What a worker process answers: its health and its metrics, to whoever watches over it."""
    app = FastAPI(title=f"{runtime.service.title}, its worker", version=VERSION, openapi_url=None)
    app.state.runtimes = [runtime]
    answer_problems(app, OWNER)
    serve(app, health.router)
    metrics.attach(app, [runtime], None, None)
    app.add_middleware(cast(Any, Front), hosts=(EVERYBODY,))
    return app


def protect(app: FastAPI, http: Http) -> None:
    """Put in front of `app` what every request passes."""
    if http.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=http.origins, allow_methods=["*"], allow_headers=ASKED, expose_headers=TOLD
        )
    app.add_middleware(cast(Any, Front), hosts=http.hosts)


def rule(
    service: Annotated[str, Path(description="Whose rule it is: customer, credit, ..., or kehu.")],
    code: Annotated[str, Path(description="The rule, as the last part of the `type` of a problem.")],
    request: Request,
) -> RuleBody:
    """The sentence of a problem `type` in both languages, where the rule stands in the code, a test that shows it."""
    found = _rules(request.app).get(f"/problems/{service}/{code}")
    if found is None:
        raise Problem(UnknownPath())
    title = {"en": found.en, "zh-CN": found.zh}
    return RuleBody(
        type=found.type, service=found.service, code=found.code, status=found.status, title=title, file=found.file,
        line=found.line, test=found.test,
    )  # fmt: skip


def _rules(app: FastAPI) -> Mapping[str, Rule]:
    if not app.state.rules:
        app.state.rules = {r.type: r for r in index([runtime.service for runtime in app.state.runtimes])}
    return cast(Mapping[str, Rule], app.state.rules)


def methods(request: Request) -> Iterable[str]:
    """What the path of `request` answers to, over all routes of the pattern it fits first."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    routes = [r for r in iter_route_contexts(request.app.routes) if r.methods and r.path_regex.match(path)]
    return {method for route in routes if route.path == routes[0].path for method in route.methods or ()}


def answer_problems(app: FastAPI, service: str) -> None:
    """Have `app` answer what goes wrong in it as a problem of `service`."""

    def respond(request: Request, problem: Problem) -> Response:
        correlation = getattr(request.state, "correlation", None)
        language = request.headers.get("accept-language")
        return answer(problem, service, language, str(correlation) if correlation else None)

    async def on_http(request: Request, error: Exception) -> Response:
        return respond(request, of_http(cast(HTTPException, error), request.method, methods(request)))

    async def on_validation(request: Request, error: Exception) -> Response:
        return respond(request, of_validation(cast(RequestValidationError, error)))

    async def on_error(request: Request, error: Exception) -> Response:
        return respond(request, problem_of(error))

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(Exception, on_error)
