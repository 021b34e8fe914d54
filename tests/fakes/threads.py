"""Threads that end while the loop stands: what they do takes no time of it, virtual or real."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future


class _HeldLoop(ThreadPoolExecutor):
    def __init__(self, look: Callable[[], object]) -> None:
        super().__init__(max_workers=1)
        self._look = look

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        future.exception()  # once it has ended
        self._look()
        return future


def hold_loop(look: Callable[[], object] = lambda: None) -> None:
    """Have the running loop wait for all that it hands to a thread.

    A loop in virtual time jumps to its next timer while a thread works. `look` is called when the
    thread has ended and the loop knows nothing of it yet.
    """
    asyncio.get_running_loop().set_default_executor(_HeldLoop(look))
