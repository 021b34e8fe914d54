"""Back-pressure: a permit is the right to hold one message in flight, of whatever size.

Nobody knows the size of a message before it is received, so a receive under way counts as if it
brought the largest ones that SQS has.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

LARGEST_MESSAGE_BYTES: Final = 1_048_576
"""Body and attributes together.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

HELD_BYTES: Final = 64 * LARGEST_MESSAGE_BYTES
"""What one route may hold of messages, in bytes of memory; fewer permits where they are large."""


class Permits:
    """So many permits; whoever takes gets what is there, and waits only where nothing is.

    Takers that insisted on a full batch would deadlock each other when fewer are left than each
    of them wants.
    """

    def __init__(self, limit: int, held_bytes: int = HELD_BYTES) -> None:
        self.limit = limit
        self._free, self._free_bytes = limit, held_bytes
        self._closed = False
        self.waiters: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many may be taken without waiting."""
        return max(0, min(self._free, self._free_bytes // LARGEST_MESSAGE_BYTES))

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for one."""
        return bool(self.waiters)

    def crowded(self, held: int) -> bool:
        """Whether so many of them are more than a tenth, and somebody waits for one."""
        return bool(self.waiters) and held * 10 > self.limit

    async def take(self, at_most: int) -> int:
        """Take 1..at_most permits, waiting for the first; 0 once closed."""
        while not self.free and not self._closed:
            await self._next_turn()
        if self._closed:
            return 0
        taken = min(at_most, self.free)
        self._free -= taken
        self._free_bytes -= taken * LARGEST_MESSAGE_BYTES
        if self.free:
            self._wake()
        return taken

    def weigh(self, messages: int, held_bytes: int) -> None:
        """So many permits are used, by messages of so many bytes together."""
        self._free_bytes += messages * LARGEST_MESSAGE_BYTES - held_bytes
        self._wake()

    def give_unused(self, count: int) -> None:
        """Give permits back that no message was received for."""
        self.give(count, count * LARGEST_MESSAGE_BYTES)

    def give(self, count: int, held_bytes: int) -> None:
        """Give permits back, of messages of so many bytes together."""
        self._free += count
        self._free_bytes += held_bytes
        self._wake()

    def resize(self, limit: int) -> None:
        """Change how many there are; a smaller number is reached as messages are settled."""
        self._free += limit - self.limit
        self.limit = limit
        self._wake()

    def close(self) -> None:
        """Hand out no more; everybody who waits gets 0."""
        self._closed = True
        while self.waiters:
            self._wake()

    async def _next_turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self.waiters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self.waiters:
                self.waiters.remove(turn)
            if turn.done() and not turn.cancelled():
                self._wake()  # the turn was ours already: pass it on, or it is lost
            raise

    def _wake(self) -> None:
        while self.waiters:
            turn = self.waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return
