"""A client that costs next to nothing: requests over connections that stay open, written by hand, timed one by one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from time import perf_counter
from typing import Any

import orjson

from bench.measure import Sample

Post = tuple[str, Mapping[str, str], Any]
"""Path, headers, body."""


class Connection:
    """One connection to 127.0.0.1, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> tuple[int, bytes]:
        """Status and body of the answer."""
        content = b"" if body is None else orjson.dumps(body)
        own = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(content))}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**own, **headers}.items())]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        head = await self._reader.readuntil(b"\r\n\r\n")
        return int(head[9:12]), await self._reader.readexactly(_length(head))

    def close(self) -> None:
        self._writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError(f"an answer without its length: {head!r}")


async def load(port: int, clients: int, seconds: float, posts: Iterator[Post]) -> Sample:
    """`clients` connections that post what `posts` gives, each one after the other, for so many seconds."""
    latencies: list[float] = []
    end = perf_counter() + seconds

    async def client() -> None:
        connection = await Connection.to(port)
        while (began := perf_counter()) < end:
            path, headers, body = next(posts)
            status, answer = await connection.ask("POST", path, headers, body)
            assert status < 300, (status, answer)
            latencies.append(perf_counter() - began)
        connection.close()

    began = perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return Sample(len(latencies), perf_counter() - began, latencies)


async def one_by_one(count: int, do: Callable[[int], Awaitable[object]]) -> Sample:
    """`do` so many times, nothing beside it."""
    latencies: list[float] = []
    for number in range(count):
        began = perf_counter()
        await do(number)
        latencies.append(perf_counter() - began)
    return Sample(count, sum(latencies), latencies)
