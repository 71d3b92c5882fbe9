"""The running Kehu as commands speak to it: one door for all requests, its refusals as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from all_in_one.commands.terminal import Refused
from console.places import PREFIXES as PREFIXES
from engine import ids

START = "start it with `make run` (or `kehu up`), or name another one with --url or KEHU_URL"
TOKEN = "give a known one with --token or KEHU_TOKEN; on a development machine: dev-admin"  # noqa: S105 - a sentence
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server at `url`, spoken to as whoever `token` belongs to. Every method raises Refused with what to do."""

    url: str
    token: str
    client: httpx.Client = field(repr=False)

    @classmethod
    @contextmanager
    def at(cls, url: str, token: str) -> Iterator[Self]:
        """The server while the block lasts."""
        try:
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
                yield cls(url, token, client)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise Refused(f"{url} is no address of a server; http://127.0.0.1:8000 would be one") from None
        except UnicodeEncodeError:
            raise Refused(f"the token holds what no token does; {TOKEN}") from None

    def get(self, path: str, **asked: Any) -> Any:
        """The JSON at `path`."""
        return self._answer("GET", path, params={name: value for name, value in asked.items() if value is not None})

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON answer to a change that is asked for once."""
        return self._answer("POST", path, json=body, headers={"Idempotency-Key": str(ids.new())})

    def find(self, path: str) -> Any | None:
        """The JSON at `path`, None where there is nothing."""
        return self._answer("GET", path, nothing=(404, 422))

    def health(self) -> Any:
        """What /health/ready says, also while it says that something is down."""
        return self._answer("GET", "/health/ready", taken=(200, 503))

    def _answer(
        self, method: str, path: str, taken: tuple[int, ...] = (), nothing: tuple[int, ...] = (), **request: Any
    ) -> Any:
        try:
            answer = self.client.request(method, path, **request)
        except httpx.ConnectError:
            raise Refused(f"nothing answers at {self.url}; {START}") from None
        except httpx.UnsupportedProtocol:
            raise
        except httpx.TransportError as broken:
            raise Refused(f"{self.url} broke off ({type(broken).__name__}); see its log, then try again") from None
        if answer.status_code in nothing:
            return None
        if answer.status_code >= 400 and answer.status_code not in taken:
            raise Refused(refusal(answer))
        try:
            return answer.json()
        except ValueError:
            raise Refused(f"what answers at {self.url} is not Kehu; {START}") from None


def refusal(answer: httpx.Response) -> str:
    """What a refused request is told, in one sentence with what to do."""
    try:
        body = answer.json()
        said = str(body["title"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.url} answered {answer.status_code} and no reason: is it Kehu that runs there?"
    if answer.status_code == 401:
        return f"{said} {TOKEN[0].upper()}{TOKEN[1:]}"
    if answer.status_code == 403:
        return f"{said} The token given is not of one who has it; {TOKEN}"
    defects = "; ".join(f"{e['pointer']}: {e['message']}" for e in body.get("errors", []))
    return " ".join([said, *([defects] if defects else [])])
