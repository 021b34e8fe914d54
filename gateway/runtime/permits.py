"""Back-pressure: a permit is the right to hold one message in flight, of whatever size.

Nobody knows the size of a message before it is received. So a receive under way counts as if it
brought messages four times as large as the largest of late, and at first the largest that SQS has.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_MESSAGE_BYTES: Final = 1_048_576
"""Body and attributes together.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

LEAST_RESERVED_BYTES: Final = LARGEST_MESSAGE_BYTES // 16
RESERVED_TIMES: Final = 4
FORGET: Final = 0.9  # of what was reserved is reserved after a receive of smaller messages

HELD_BYTES: Final = 64 * LARGEST_MESSAGE_BYTES
"""What one route may hold of messages, in bytes of memory; fewer permits where they are large."""


class Grant(NamedTuple):
    """Permits for one receive, and how many bytes of memory are reserved for each message."""

    messages: int
    bytes_each: int


NOTHING: Final = Grant(0, 0)


class Permits:
    """So many permits; whoever takes gets what is there, and waits only where nothing is.

    Takers that insisted on a full batch would deadlock each other when fewer are left than each
    of them wants.
    """

    def __init__(self, limit: int, held_bytes: int = HELD_BYTES) -> None:
        self.limit = limit
        self._free, self._free_bytes = limit, held_bytes
        self._bytes_each = LARGEST_MESSAGE_BYTES
        self._closed = False
        self.waiters: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many may be taken without waiting."""
        return max(0, min(self._free, self._free_bytes // self._bytes_each))

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for one."""
        return bool(self.waiters)

    def crowded(self, held: int) -> bool:
        """Whether so many of them are more than a tenth, and somebody waits for one."""
        return bool(self.waiters) and held * 10 > self.limit

    async def take(self, at_most: int) -> Grant:
        """Take 1..at_most permits, waiting for the first; none once closed."""
        while not self.free and not self._closed:
            await self._next_turn()
        if self._closed:
            return NOTHING
        grant = Grant(min(at_most, self.free), self._bytes_each)
        self._free -= grant.messages
        self._free_bytes -= grant.messages * grant.bytes_each
        if self.free:
            self._wake()
        return grant

    def use(self, grant: Grant, sizes: Sequence[int]) -> None:
        """Use permits of a grant for messages of these sizes in bytes, and learn from them."""
        self._free_bytes += len(sizes) * grant.bytes_each - sum(sizes)
        if sizes:
            wanted = max(RESERVED_TIMES * max(sizes), int(self._bytes_each * FORGET))
            self._bytes_each = min(LARGEST_MESSAGE_BYTES, max(LEAST_RESERVED_BYTES, wanted))
        self._wake()

    def give_unused(self, grant: Grant, messages: int) -> None:
        """Give so many permits of a grant back that no message was received for."""
        self.give(messages, messages * grant.bytes_each)

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
        """Give somebody a turn, if there is anything to take: who wakes in vain costs 2 us."""
        while self.waiters and (self._closed or self.free):
            turn = self.waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return
