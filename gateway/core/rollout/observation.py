"""What counts of a message: one observation, in the order in which deliveries began.

The order of completion would be unfair: the failures of a version that is slow to succeed arrive
before its successes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

GRACE_SECONDS: Final = 5.0
"""How long an unfinished delivery holds up those that began after it."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The first delivery of one message: `at` is when it began, in seconds on any clock.

    `failed` is anything but an ack; `slow` is longer than the limit on latency.
    """

    canary: bool
    failed: bool
    slow: bool
    at: float


class Pending:
    """A delivery that has begun. `failed` None: it has not ended yet."""

    __slots__ = ("at", "canary", "counted", "dropped", "failed", "slow")

    def __init__(self, at: float, *, canary: bool) -> None:
        self.canary = canary
        self.at = at
        self.failed: bool | None = None
        self.slow = False
        self.counted = False
        self.dropped = False


class StartOrder:
    """Puts outcomes into the order of their beginnings.

    A delivery without an outcome after the grace time counts as not failed and slow. If it fails
    later, that is one more failure, in the order of that moment. `slow_seconds` None: nothing is
    slow.
    """

    def __init__(self, slow_seconds: float | None = None) -> None:
        self._slow_seconds = slow_seconds
        self._grace_seconds = max(GRACE_SECONDS, slow_seconds or 0.0)
        self._pending: deque[Pending] = deque()

    def __len__(self) -> int:
        """Return the number of deliveries that are not counted yet."""
        return len(self._pending)

    def begin(self, now: float, *, canary: bool) -> Pending:
        """Record that a delivery began; pass what is returned to :meth:`end` or :meth:`drop`."""
        pending = Pending(now, canary=canary)
        self._pending.append(pending)
        return pending

    def end(self, pending: Pending, now: float, *, failed: bool) -> None:
        """Record how a delivery ended."""
        if not pending.counted:
            pending.failed = failed
            limit = self._slow_seconds
            pending.slow = limit is not None and now - pending.at > limit
        elif failed and not pending.dropped:
            late = self.begin(now, canary=pending.canary)  # in order, for the pairing goes by time
            late.failed = True

    def drop(self, pending: Pending) -> None:
        """Record that a delivery was given up, so that it says nothing of its version."""
        pending.dropped = True

    def take(self, now: float) -> list[Observation]:
        """Return what can be counted by now, each observation once."""
        taken: list[Observation] = []
        pending = self._pending
        while pending:
            first = pending[0]
            if first.failed is None and not first.dropped:
                if now - first.at < self._grace_seconds:
                    break
                first.slow = self._slow_seconds is not None
            pending.popleft()
            first.counted = True
            if not first.dropped:
                taken.append(Observation(first.canary, bool(first.failed), first.slow, first.at))
        return taken

    def complete_until(self, now: float) -> float:
        """Return the moment before which every beginning has been taken."""
        return self._pending[0].at if self._pending else now
