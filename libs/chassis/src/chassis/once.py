"""What operations ask for is done once for each Idempotency-Key: the answer is kept as a verdict of the log."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from chassis.context import Who
from chassis.idempotency import Keyed, required
from chassis.problems import KeyReused, Problem
from chassis.runtime import Runtime
from engine.ports import Append, Meta, Verdict

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Once:
    """Does what one request asks for, unless it was done before."""

    runtime: Runtime
    response: Response
    meta: Meta
    command: UUID
    digest: bytes

    async def __call__(self, answer: type[M], act: Callable[[], Awaitable[M]]) -> M:
        """What `act` answers, or what it answered to this key before. Raises the problem of a key used otherwise.

        A problem raised by `act` is not kept: the same key tries again. Two requests at the same moment may both act.
        """
        store = self.runtime.store
        known = await store.verdict(self.command)
        if known is not None and known.digest != self.digest:
            raise Problem(KeyReused())
        if known is not None:
            self.response.headers["Idempotent-Replay"] = "true"
            return answer.model_validate(known.params)
        done = await act()
        verdict = Verdict(self.command, "accepted", self.digest, params=done.model_dump(mode="json"))
        await store.append(Append({}, (), self.meta, (verdict,)))
        return done


async def _once(
    request: Request,
    response: Response,
    principal: Who,
    key: Annotated[
        str | None, Header(alias="Idempotency-Key", description="Required. The same key gives the same answer.")
    ] = None,
) -> Once:
    command = Keyed(principal.id, required(key)).command()
    meta = Meta(principal.id, request.state.correlation, traceparent=request.state.traceparent)
    said = b"\0".join((request.method.encode(), request.url.path.encode(), await request.body()))
    return Once(request.app.state.runtime, response, meta, command, sha256(said).digest())


DoOnce = Annotated[Once, Depends(_once)]
"""In a route: ``return await once(Done, act)``."""
