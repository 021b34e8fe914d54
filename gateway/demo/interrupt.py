"""Ctrl-C, SIGTERM and SIGHUP: they cancel the demo, or end its wait for one of them."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """Cancels the current task at a signal, unless the task waits for one.

    `signal` is the one that cancelled it. Make it inside a running loop.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._task = asyncio.current_task()
        self._awaited: asyncio.Event | None = None
        for one in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(one, self._on_signal, one)

    async def wait(self) -> None:
        """Return at the next signal, which then does not cancel."""
        self._awaited = asyncio.Event()
        await self._awaited.wait()

    def _on_signal(self, which: signal.Signals) -> None:
        if self._awaited is not None:
            self._awaited.set()
            self._awaited = None
        elif self._task:
            self.signal = which
            self._task.cancel()
