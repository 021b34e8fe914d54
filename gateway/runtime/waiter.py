"""What a message waits for beside its delivery: a slot of its version, and a dead-letter copy."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections import deque
    from collections.abc import Callable

    from gateway.core.messages.message import Message


class Waiter:
    """A message that waits for a slot, as a Sending; `admitted` is told whether there is one.

    The one with the lowest `sent_at` is the next; of equal ones the first that came.
    """

    __slots__ = ("_remove", "admitted", "sent_at")

    def __init__(
        self,
        remove: Callable[[Waiter], None],
        admitted: Callable[[bool], None],
        sent_at: float,
    ) -> None:
        self._remove = remove
        self.admitted = admitted
        self.sent_at = sent_at

    @property
    def begun(self) -> bool:
        """Nothing of it was sent."""
        return False

    def cancel(self) -> None:
        """Stop waiting; `admitted` is not called."""
        self._remove(self)


class Copying:
    """A dead-letter copy that is under way, as a Sending: the delivery before it has ended."""

    __slots__ = ("_call",)

    def __init__(self, call: asyncio.Task[None]) -> None:
        self._call = call

    @property
    def begun(self) -> bool:
        """What is left of the message is its copy: no other version gets it."""
        return True

    def cancel(self) -> None:
        """Send no copy; whether one was sent is not known."""
        self._call.cancel()


def join(waiters: deque[Waiter], waiter: Waiter) -> None:
    """Have it wait behind all that are as old or older."""
    if waiters and waiter.sent_at < waiters[-1].sent_at:
        insort(waiters, waiter, key=_sent_at)
    else:
        waiters.append(waiter)


def sent_at(message: Message) -> float:
    """Return when a record was made; 0 for all others, since a queue keeps no order."""
    record = message.record
    return 0.0 if record is None else record.timestamp_ms or 0.0


def _sent_at(waiter: Waiter) -> float:
    return waiter.sent_at
