"""Back-pressure: a permit is the right to hold one message in flight."""

from __future__ import annotations

import asyncio
from collections import deque


class Permits:
    """So many permits; whoever takes gets what is there, and waits only where nothing is.

    Takers that insisted on a full batch would deadlock each other when fewer are left than each
    of them wants.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free = limit
        self._closed = False
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many may be taken without waiting."""
        return max(0, self._free)

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for one."""
        return any(not turn.done() for turn in self._waiters)

    async def take(self, at_most: int) -> int:
        """Take 1..at_most permits, waiting for the first; 0 once closed."""
        while self._free <= 0 and not self._closed:
            await self._next_turn()
        if self._closed:
            return 0
        taken = min(at_most, self._free)
        self._free -= taken
        if self._free > 0:
            self._wake()
        return taken

    def give(self, count: int = 1) -> None:
        """Give permits back."""
        self._free += count
        self._wake()

    def resize(self, limit: int) -> None:
        """Change how many there are; a smaller number is reached as messages are settled."""
        self._free += limit - self.limit
        self.limit = limit
        self._wake()

    def close(self) -> None:
        """Hand out no more; everybody who waits gets 0."""
        self._closed = True
        while self._waiters:
            self._wake()

    async def _next_turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()  # the turn was ours already: pass it on, or it is lost
            raise

    def _wake(self) -> None:
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return
