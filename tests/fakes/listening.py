"""How a server of asyncio is closed so that no connection is left open."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def listening(server: asyncio.Server) -> AsyncIterator[None]:
    """Stop it at the end of the block."""
    try:
        yield
    finally:
        await stop_listening(server)
        await server.wait_closed()


async def stop_listening(server: asyncio.Server) -> None:
    """Accept no more, finish what has been accepted, then close.

    `Server.close` between the steps of an accept leaves that connection open for ever: it fails
    the assertion of `Server._attach` (https://github.com/python/cpython/issues/109564), and its
    ResourceWarning fails whichever test runs when it is collected. uvloop accepts in one step.
    """
    loop = asyncio.get_running_loop()
    for each in server.sockets:
        loop.remove_reader(each.fileno())
    await asyncio.sleep(0)
    server.close()
