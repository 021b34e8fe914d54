"""Back-pressure: a permit is the right to hold one message in flight, of any size.

The size of a message is not known before it is received. So a receive under way counts as if it
brought messages four times as large as the largest of the last ones, and at first the largest that
SQS has (ADR 6).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.core.sqs_limits import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_RESERVED_BYTES: Final = MAX_MESSAGE_BYTES // 16
RESERVED_TIMES: Final = 4
DECAY: Final = 0.9
"""After a receive of smaller messages this part of the reservation stays."""

HELD_BYTES: Final = 64 * MAX_MESSAGE_BYTES
"""What one route may hold of messages, in bytes of memory; fewer permits where they are large."""

WAITING_PART: Final = 10
"""One tenth of the permits may be held by messages that wait: for a slot, or for a batch."""


def waiting_share(permits: int) -> int:
    """Return how many of the permits waiting messages may hold, at least 1."""
    return max(1, permits // WAITING_PART)


class Grant(NamedTuple):
    """Permits for one receive, and how many bytes of memory are reserved for each message."""

    messages: int
    bytes_each: int


NOTHING: Final = Grant(0, 0)


class Permits:
    """A number of permits. A taker gets what is free, and waits only where nothing is.

    Takers that insisted on a full batch would deadlock each other when fewer are left than each
    of them wants.
    """

    def __init__(self, limit: int, held_bytes: int = HELD_BYTES) -> None:
        self.limit = limit
        self._free = limit
        self._free_bytes = held_bytes
        self._bytes_each = MAX_MESSAGE_BYTES
        self._closed = False
        self.waiters: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many may be taken without waiting."""
        return max(0, min(self._free, self._free_bytes // self._bytes_each))

    @property
    def held(self) -> int:
        """How many are taken, those for receives under way included."""
        return self.limit - self._free

    @property
    def wanted(self) -> bool:
        """Whether a poller waits for one."""
        return bool(self.waiters)

    def starved(self, held: int) -> bool:
        """Whether a poller is blocked while waiting messages hold more than a tenth of them."""
        return bool(self.waiters) and held * WAITING_PART > self.limit

    async def take(self, at_most: int) -> Grant:
        """Take 1..at_most permits, waiting for the first; none once closed."""
        while not self.free and not self._closed:
            await self._next_wake()
        if self._closed:
            return NOTHING
        grant = Grant(min(at_most, self.free), self._bytes_each)
        self._free -= grant.messages
        self._free_bytes -= grant.messages * grant.bytes_each
        if self.free:
            self._wake()
        return grant

    def use(self, grant: Grant, sizes: Sequence[int]) -> None:
        """Use permits of a grant for messages of these sizes in bytes.

        The next grant reserves by what they were.
        """
        self._free_bytes += len(sizes) * grant.bytes_each - sum(sizes)
        if sizes:
            wanted = max(RESERVED_TIMES * max(sizes), int(self._bytes_each * DECAY))
            self._bytes_each = min(MAX_MESSAGE_BYTES, max(LEAST_RESERVED_BYTES, wanted))
        self._wake()

    def give_unused(self, grant: Grant, messages: int) -> None:
        """Give back the permits of a grant for which no message was received."""
        self.give(messages, messages * grant.bytes_each)

    def give(self, count: int, held_bytes: int) -> None:
        """Give permits back, of messages that held `held_bytes` together."""
        self._free += count
        self._free_bytes += held_bytes
        self._wake()

    def resize(self, limit: int) -> None:
        """Change how many there are; a smaller number is reached as messages are settled."""
        self._free += limit - self.limit
        self.limit = limit
        self._wake()

    def close(self) -> None:
        """Grant no more; every waiting taker gets nothing."""
        self._closed = True
        while self.waiters:
            self._wake()

    async def _next_wake(self) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.waiters.append(woken)
        try:
            await woken
        except asyncio.CancelledError:
            if woken in self.waiters:
                self.waiters.remove(woken)
            if woken.done() and not woken.cancelled():
                self._wake()  # this taker was woken already: wake another, or the permit is lost
            raise

    def _wake(self) -> None:
        """Wake one taker, if there is anything to take."""
        while self.waiters and (self._closed or self.free):
            woken = self.waiters.popleft()
            if not woken.done():
                woken.set_result(None)
                return
