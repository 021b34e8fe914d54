"""Waiting until nothing is under way."""

from __future__ import annotations

import asyncio


class IdleCounter:
    """Counts what is under way; `wait()` returns once there is nothing.

    The owner changes `count` itself, and calls `notify()` when it is 0 while `awaited`: it
    does so for every message.
    """

    __slots__ = ("_idle", "awaited", "count")

    def __init__(self) -> None:
        self.count = 0
        self.awaited = False
        self._idle: asyncio.Event | None = None

    def notify(self) -> None:
        """Wake the task that waits."""
        if self._idle is not None:
            self._idle.set()
            self._idle = None
            self.awaited = False

    async def wait(self) -> None:
        """Return at once where nothing is under way, else when the last one has ended."""
        while self.count:
            self._idle = self._idle or asyncio.Event()
            self.awaited = True
            await self._idle.wait()
