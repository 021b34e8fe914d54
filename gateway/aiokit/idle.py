"""Waiting until nothing is under way."""

from __future__ import annotations

import asyncio


class IdleCounter:
    """Counts what is under way; `wait()` returns once there is nothing."""

    __slots__ = ("_idle", "count")

    def __init__(self) -> None:
        self.count = 0
        self._idle: asyncio.Event | None = None  # while a task waits for it

    def add(self) -> None:
        """Count one more."""
        self.count += 1

    def remove(self, number: int = 1) -> None:
        """Count `number` fewer."""
        self.count -= number
        if not self.count:
            self.notify()

    def notify(self) -> None:
        """Wake what waits: the count came to 0 (for a caller that counts by itself)."""
        if self._idle is not None:
            self._idle.set()
            self._idle = None

    async def wait(self) -> None:
        """Return at once where nothing is under way, else when the last one has ended."""
        while self.count:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()
