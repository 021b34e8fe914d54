"""Ctrl-C and its relatives: the end of the demo at any moment, or the end that it waits for."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """Cancels the current task at a signal, unless the task waits for one. Inside a running loop.

    `signal` is the one that cancelled.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._task = asyncio.current_task()
        self._awaited: asyncio.Event | None = None
        for one in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(one, self._arrive, one)

    async def wait(self) -> None:
        """Return at the next signal, which then cancels nothing."""
        self._awaited = asyncio.Event()
        await self._awaited.wait()

    def _arrive(self, which: signal.Signals) -> None:
        if self._awaited is not None:
            self._awaited.set()
            self._awaited = None
        elif self._task:
            self.signal = which
            self._task.cancel()
