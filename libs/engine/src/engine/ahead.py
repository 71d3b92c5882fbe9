"""Work on one thing while the next is being made."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


async def one_ahead(source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The items of `source`, none of them None; while one is worked on the next is being made.

    Close it (`contextlib.aclosing`): that ends the making, and `source`.
    """

    async def following() -> T | None:
        return await anext(source, None)

    coming = asyncio.create_task(following())
    try:
        while (item := await coming) is not None:
            coming = asyncio.create_task(following())
            yield item
    finally:
        coming.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await coming
        await source.aclose()
