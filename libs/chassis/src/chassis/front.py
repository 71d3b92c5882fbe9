"""What every answer passes, whoever gives it: the hosts we answer for, how large a head may be, protecting headers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.problems import OWNER, Fault, HeadTooLarge, Problem, WrongHost, answer

LARGEST_QUERY, LARGEST_HEAD = 8_192, 32_768
"""Bytes of a query string and of all headers together."""
PROTECTING: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer that does not say otherwise itself."""
OVER_TLS = ("Strict-Transport-Security", "max-age=31536000")
EVERYBODY = "*"


class ServiceAway(Fault):
    """The service {service} does not answer at the moment; try again with the same Idempotency-Key."""

    zh = "服务 {service} 暂时无应答，请用相同的 Idempotency-Key 重试。"
    status = 503


class BrokenOff(Fault):
    """The service {service} broke off before it answered; the same request with the same Idempotency-Key is safe."""

    zh = "服务 {service} 在应答前中断；用相同的 Idempotency-Key 重发本请求是安全的。"
    status = 502


@dataclass(frozen=True, slots=True)
class Front:
    """ASGI middleware around all of it. `hosts`: names we answer for, ``*`` for any."""

    app: ASGIApp
    hosts: Sequence[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        reply = _Reply(send, scope["scheme"] == "https")
        headers = Headers(scope=scope)
        try:
            self._look(scope, headers)
        except Problem as problem:
            response = answer(problem, OWNER, headers.get("accept-language"), None)
            return await response(scope, receive, reply)
        return await self.app(scope, receive, reply)

    def _look(self, scope: Scope, headers: Headers) -> None:
        """Raises the problem of a request that is not for us, or whose head is too large to be one."""
        host = headers.get("host", "").rpartition("@")[2]
        name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
        if EVERYBODY not in self.hosts and name.lower() not in self.hosts:
            raise Problem(WrongHost(host=name[:100]))
        if len(scope["query_string"]) > LARGEST_QUERY or sum(map(_size, scope["headers"])) > LARGEST_HEAD:
            raise Problem(HeadTooLarge(query=LARGEST_QUERY, headers=LARGEST_HEAD))


def _size(header: object) -> int:
    name, value = cast(tuple[bytes, bytes], header)
    return len(name) + len(value)


@dataclass(frozen=True, slots=True)
class _Reply:
    """The way back: adds what the answer has not set."""

    send: Send
    secure: bool

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in PROTECTING.items():
                headers.setdefault(name, value)
            if self.secure:
                headers.setdefault(*OVER_TLS)
        await self.send(message)
