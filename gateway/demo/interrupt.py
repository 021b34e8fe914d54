"""Ctrl-C and its relatives: the end of the demo at any moment, or the end that it waits for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.aiokit.signals import NUMBERS
from gateway.aiokit.signals import SIGNALS as PROCESS_SIGNALS

if TYPE_CHECKING:
    import signal

SIGNALS: Final = NUMBERS


class Interrupt:
    """Cancels the current task at a signal, unless the task waits for one. Inside a running loop.

    A signal that came before cancels it too. `signal` is the one that cancelled.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._task = asyncio.current_task()
        self._awaited: asyncio.Event | None = None
        PROCESS_SIGNALS.connect(asyncio.get_running_loop(), self._arrive)

    def close(self) -> None:
        """Cancel nothing any more: the loop is about to end."""
        PROCESS_SIGNALS.disconnect()

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
