"""Threads for a loop in virtual time, which jumps to its next timer while a real thread works."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class NoThread(ThreadPoolExecutor):
    """Does what :func:`asyncio.to_thread` is asked for at once, so that it takes no time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call it, and return what it returned or raised."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future takes any of them
            future.set_exception(error)
        return future


def without_threads() -> None:
    """Have the running loop do at once what it would hand to a thread."""
    asyncio.get_running_loop().set_default_executor(NoThread())


class HeldLoop(ThreadPoolExecutor):
    """Threads that end while the loop stands: what they changed beside it can be looked at."""

    def __init__(self, look: Callable[[], object]) -> None:
        super().__init__(max_workers=1)
        self._look = look

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Wait for the thread, look, and only then let the loop go on."""
        future = super().submit(fn, *args, **kwargs)
        future.exception()
        self._look()
        return future
