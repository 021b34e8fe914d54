"""A timer that is set often and rarely due."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

CLOCK_RESOLUTION_SECONDS: Final = 0.001
"""An event loop may call a timer that much too early: what is less than that away is due."""


class LazyTimer:
    """Calls `callback` once the moment that was set last has come.

    To set or cancel a timer of the event loop costs more than a look at the clock. So a timer that
    runs is left to run; when it ends too early for the moment set last, it is started again.
    """

    __slots__ = ("_callback", "_due_at", "_handle", "_runs_until")

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._due_at: float | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._runs_until = 0.0  # uvloop's handle of a moment that has come does not say

    def set(self, due_at: float) -> None:
        """Call back at this moment of the loop's clock, in place of any set before."""
        self._due_at = due_at
        if self._handle is not None:
            if self._runs_until <= due_at:
                return
            self._handle.cancel()
        self._start(asyncio.get_running_loop(), due_at)

    def clear(self) -> None:
        """Do not call back, until it is set again."""
        self._due_at = None

    def cancel(self) -> None:
        """Clear it and leave no timer in the loop."""
        self._due_at = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ran_out(self) -> None:
        self._handle = None
        due_at = self._due_at
        if due_at is None:
            return
        loop = asyncio.get_running_loop()
        if due_at > loop.time() + CLOCK_RESOLUTION_SECONDS:
            self._start(loop, due_at)
            return
        self._due_at = None
        self._callback()

    def _start(self, loop: asyncio.AbstractEventLoop, due_at: float) -> None:
        self._runs_until = due_at
        self._handle = loop.call_at(due_at, self._ran_out)
