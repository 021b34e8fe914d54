"""Waits for a condition without sleeping."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Bell:
    """Rung by fakes after each change; waiting tests then check their condition again."""

    def __init__(self) -> None:
        # A dict for its order: runs have to be the same every time.
        self._listeners: dict[asyncio.Future[None], None] = {}

    def ring(self) -> None:
        """Wake everything that waits."""
        for listener in tuple(self._listeners):
            if not listener.done():
                listener.set_result(None)

    async def until(self, holds: Callable[[], object]) -> None:
        """Return as soon as `holds()` is true."""
        while not holds():
            await self.next_ring()

    def next_ring(self) -> asyncio.Future[None]:
        """Return a future that is done at the next ring from now on."""
        listener = asyncio.get_running_loop().create_future()
        self._listeners[listener] = None
        listener.add_done_callback(self._listeners.pop)
        return listener
