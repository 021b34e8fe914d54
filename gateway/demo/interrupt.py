"""Ctrl-C, SIGTERM and SIGHUP: they cancel the demo, or end its wait for one of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.aiokit.signals import NUMBERS
from gateway.aiokit.signals import SIGNALS as PROCESS_SIGNALS

if TYPE_CHECKING:
    import signal

SIGNALS: Final = NUMBERS


class Interrupt:
    """Cancels the current task at a signal, unless the task waits for one.

    A signal that came before cancels it too. `signal` is the one that cancelled.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._task = asyncio.current_task()
        self._awaited: asyncio.Event | None = None
        PROCESS_SIGNALS.connect(asyncio.get_running_loop(), self._on_signal)

    def close(self) -> None:
        """Cancel nothing any more: the loop is about to end."""
        PROCESS_SIGNALS.disconnect()

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
