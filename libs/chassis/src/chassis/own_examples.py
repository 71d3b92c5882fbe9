"""Examples of the operations every service has, and of those at the root: told after the story of the services."""

from chassis.examples import Example, From
from chassis.service import Service

ROOT = (
    Example(990, "operations", "GET /health/live", "Is the process running?"),
    Example(991, "operations", "GET /health/ready", "Do the stores answer, and who lies behind?"),
    Example(
        992,
        "sales",
        "GET /problems/{service}/{code}",
        "What does the rule say that refused me?",
        path={"service": "credit", "code": "over-allocation"},
    ),
    Example(993, "sales", "GET /schemas", "What shapes do events and documents have?"),
    Example(
        994,
        "sales",
        "GET /schemas/{type}",
        "What is in the event of an issued invoice?",
        path={"type": "credit.InvoiceIssued.v1"},
    ),
)


def of(service: Service) -> tuple[Example, ...]:
    """Those of `service`, with the names its operations have."""
    return (
        *_feed(),
        *_looking(service),
        *_acting(service),
        *_brokerage(service),
        *(_receipts() if service.intake else ()),
    )


def _feed() -> tuple[Example, ...]:
    event = From("GET /events", "/items/0/id", "0198f2c5-7a41-7c3e-9d0a-4b1f6f1c2e77")
    return (
        Example(900, "integration", "GET /events", "The first two events", query={"after": 0, "limit": 2}),
        Example(901, "integration", "GET /events/{event}", "One of them again", path={"event": event}),
    )


def _receipts() -> tuple[Example, ...]:
    query = {"after": 0, "source": "erp", "limit": 10}
    report = {"source": "erp", "limit": 10}
    return (
        Example(905, "integration", "GET /intake/receipts", "What became of what the ERP sent", query=query),
        Example(906, "integration", "GET /intake/report", "As a whole, with what is missing", query=report),
    )


def _looking(service: Service) -> tuple[Example, ...]:
    view = service.views[0].name
    return (
        Example(910, "operations", "GET /ops/store", "How much there is, and which life of the log this is"),
        Example(911, "operations", "GET /ops/consumers", "Who lies behind?"),
        Example(912, "operations", "GET /ops/workers", "Who works here?"),
        Example(913, "operations", "GET /ops/views", "All views"),
        Example(914, "operations", "GET /ops/views/{name}", "One view", path={"name": view}),
        Example(915, "operations", "GET /ops/dead-letters", "What waits for a person", query={"limit": 10}),
        Example(916, "operations", "GET /ops/timers", "Which due commands wait for a person", query={"limit": 10}),
        Example(918, "admin", "GET /ops/audit", "Who read what is said of persons", query={"limit": 10}),
        Example(919, "operations", "GET /ops/relay", "How far was the log published?"),
        Example(938, "operations", "GET /ops/offsets", "How far were the topics of the ERP read?"),
        Example(917, "admin", "GET /ops/persons", "What is sealed about a person", query={"person": "P-9001"}),
    )


def _acting(service: Service) -> tuple[Example, ...]:
    view = service.views[0].name
    worker = From("GET /ops/workers", "/0/name", f"view:{view}")
    letters = {"group": f"view:{view}", "customer": "C-9001"}
    return (
        Example(920, "operations", "POST /ops/views/{name}/rebuild", "Build a view anew", path={"name": view}),
        Example(
            921,
            "operations",
            "GET /ops/views/{name}",
            "The view, once it is built",
            path={"name": view},
            becomes={"/rebuild/state": "done"},
        ),
        Example(922, "operations", "POST /ops/views/{name}/rollback", "Back to the build before", path={"name": view}),
        Example(930, "operations", "POST /ops/workers/{name}/restart", "One that runs goes on", path={"name": worker}),
        Example(931, "operations", "POST /ops/dead-letters/replay", "Nothing is parked: none is replayed", letters),
        Example(932, "operations", "POST /ops/dead-letters/discard", "Nothing is parked: none is discarded", letters),
        Example(933, "operations", "POST /ops/timers/replay", "No due command is broken: none is tried again", {}),
    )


def _brokerage(service: Service) -> tuple[Example, ...]:
    """Dry runs: without Kafka there is nothing to do."""
    view = service.views[0].name
    return (
        Example(934, "operations", "GET /ops/topics", "The topics of the cluster; none without Kafka"),
        Example(935, "operations", "POST /ops/topics/apply", "What would be made or put right", {"dry_run": True}),
        Example(
            937,
            "operations",
            "POST /ops/dead-letters/replay-topic",
            "Which customers a topic of dead letters tells of",
            {"topic": f"kehu.{service.contexts[-1]}.events.v1.{service.name}.view.{view}.dlq", "dry_run": True},
        ),
        Example(
            936,
            "operations",
            "POST /ops/relay/resend",
            "How much would be published again",
            {"after": 0, "dry_run": True},
        ),
        Example(
            939,
            "operations",
            "POST /ops/offsets/reset",
            "How much of the ERP's topics would be read again",
            {"group": f"intake:{service.name}", "to_time": "2026-05-01T00:00:00Z", "dry_run": True},
        ),
    )
