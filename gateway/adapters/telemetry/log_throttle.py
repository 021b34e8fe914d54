"""What keeps the log short: one line for a change of state, and no more than one in a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

Key = tuple[str, ...]
"""Route first, then what it is about."""

LOG_THROTTLE_SECONDS: Final = 10.0


class LogThrottle:
    """Lets a key through once in :data:`QUIET_SECONDS` and counts what it held back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._opens_at: dict[Key, float] = {}
        self._suppressed: dict[Key, int] = {}

    def admit(self, key: Key) -> int | None:
        """Return how many were held back since the last one let through; None: hold this back."""
        now = self._clock()
        if now < self._opens_at.get(key, now):
            self._suppressed[key] = self._suppressed.get(key, 0) + 1
            return None
        self._opens_at[key] = now + LOG_THROTTLE_SECONDS
        return self._suppressed.pop(key, 0)


class Flips:
    """Which things fail, and whether the log says so.

    A line is due when what the log said last is no longer so. One that the limiter holds back is
    due again at the next failure or success, so the log is not wrong for long about a busy thing.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._fails, self._works = LogThrottle(clock), LogThrottle(clock)
        self._failures: dict[Key, int] = {}
        self._told: set[Key] = set()

    def failed(self, key: Key) -> int | None:
        """Return how many failures went unsaid before this one; None: say nothing."""
        self._failures[key] = self._failures.get(key, 0) + 1
        if key in self._told:
            return None
        suppressed = self._fails.admit(key)
        if suppressed is not None:
            self._told.add(key)
        return suppressed

    def worked(self, key: Key) -> int | None:
        """Return how many failures are over with this success; None: say nothing."""
        if key not in self._failures:
            return None
        if key not in self._told:
            del self._failures[key]
        elif self._works.admit(key) is not None:
            self._told.discard(key)
            return self._failures.pop(key)
        return None
