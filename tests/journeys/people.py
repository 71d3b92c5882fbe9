"""People and systems that work with a running Kehu: each with a token, reading what they wrote, listening, waiting."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self

import httpx
import orjson

from tests.journeys.running import NO_TLS, Kehu

PATIENCE = 30.0
BATCH = "application/cloudevents-batch+json"


def until(happened: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What `happened` answers as soon as that is true."""
    deadline = time.perf_counter() + patience
    while not (answer := happened()):
        assert time.perf_counter() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return answer


@dataclass
class Person:
    """Somebody with a role's development token; sees at least what it wrote itself."""

    kehu: Kehu
    token: str = "dev-admin"
    positions: dict[str, int] = field(default_factory=dict)
    client: httpx.Client = field(init=False)
    _keys: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.client = httpx.Client(
            base_url=self.kehu.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=60, verify=NO_TLS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def ask(self, path: str, body: Any, method: str = "POST", **headers: str) -> httpx.Response:
        """Ask for a change, under a new Idempotency-Key unless one is given."""
        headers = {"Idempotency-Key": f"{self.token}-{next(self._keys)}", **headers}
        answer = self.client.request(method, path, json=body, headers=headers)
        service, _, position = answer.headers.get("X-Kehu-Position", "").rpartition(":")
        if service:
            self.positions[service] = max(self.positions.get(service, 0), int(position))
        return answer

    def do(self, path: str, body: Any, method: str = "POST", **headers: str) -> dict[str, Any]:
        """Ask for a change that is granted; the answer."""
        answer = self.ask(path, body, method, **headers)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text}"
        return dict(answer.json())

    def see(self, path: str, **parameters: Any) -> Any:
        """The JSON at `path`, which knows all that this person wrote."""
        known = ",".join(f"{service}:{position}" for service, position in self.positions.items())
        answer = self.client.get(path, params=parameters, headers={"X-Kehu-Position": known} if known else {})
        assert answer.status_code == 200, f"{path} {parameters}: {answer.status_code} {answer.text}"
        return answer.json()

    def send(self, prefix: str, *documents: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Give documents to the intake of a service in one batch; their receipts."""
        answer = self.client.post(f"{prefix}/intake", content=orjson.dumps(documents), headers={"Content-Type": BATCH})
        assert answer.status_code < 300, f"{answer.status_code} {answer.text}"
        return list(answer.json()["items"])

    def log(self, prefix: str, *types: str) -> list[dict[str, Any]]:
        """All events of a service's feed, of these types."""
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            asked: dict[str, Any] = {"after": after, "limit": 1000, "type": list(types)}
            page = self.client.get(f"{prefix}/events", params=asked).raise_for_status().json()
            found += page["items"]
            if page["next"] == after or not page["items"]:
                return found
            after = page["next"]


def rebuild_everything(boss: Person) -> None:
    """Build every view of every service anew and wait until all have taken the place of the old ones."""
    for service in ("customers", "credit", "complaints", "analytics"):
        for view in boss.see(f"/api/{service}/ops/views"):
            boss.do(f"/api/{service}/ops/views/{view['name']}/rebuild", None)
            path, before = f"/api/{service}/ops/views/{view['name']}", view["build"]
            until(lambda path=path, before=before: boss.see(path)["build"] > before)  # type: ignore[misc]
    boss.kehu.settled()


def document(kind: str, key: str, *, source: str = "erp", **data: Any) -> dict[str, Any]:
    """A document of the ERP as a CloudEvent: ``document("Payment", "PAY-1", customer=...)``."""
    return {"specversion": "1.0", "source": source, "id": key, "type": f"erp.{kind}.v1", "data": data}


def money(amount: str, currency: str = "CNY") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def told(lines: Iterator[str]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The id, name and data of each event on an open stream."""
    frame: dict[str, str] = {}
    for line in lines:
        name, separator, value = line.partition(": ")
        if separator and name:
            frame[name] = value
        elif not line and "id" in frame:
            yield int(frame["id"]), frame["event"], orjson.loads(frame["data"])
            frame = {}


class Listener(threading.Thread):
    """Somebody with the stream of alerts open; `heard` grows. Ends with the stream."""

    def __init__(self, kehu: Kehu, after: int | None = 0) -> None:
        super().__init__(daemon=True)
        self.heard: list[tuple[int, str, dict[str, Any]]] = []
        self.listening = threading.Event()
        self._url = f"{kehu.url}/api/analytics/alerts/stream"
        self._asked = {} if after is None else {"after": after}

    def run(self) -> None:
        headers = {"Authorization": "Bearer dev-admin"}
        with (
            httpx.Client(headers=headers, timeout=60, verify=NO_TLS) as client,
            client.stream("GET", self._url, params=self._asked) as stream,
        ):
            self.listening.set()
            for event in told(stream.iter_lines()):
                self.heard.append(event)

    def alerts(self, rule: str, customer: str | None) -> list[str]:
        """The names of what was heard of one rule and customer."""
        return [name for _, name, data in self.heard if (data["rule"], data["customer"]) == (rule, customer)]
