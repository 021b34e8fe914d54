"""Keeps the log short: one line for a change of state, and at most one in an interval."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

Key = tuple[str, ...]
"""Route first, then what it is about."""

LOG_THROTTLE_SECONDS: Final = 10.0


class LogThrottle:
    """Admits a key once in :data:`LOG_THROTTLE_SECONDS` and counts what it suppressed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._opens_at: dict[Key, float] = {}
        self._suppressed: dict[Key, int] = {}

    def admit(self, key: Key) -> int | None:
        """Return how many were suppressed since the last one admitted; None: suppress this one."""
        now = self._clock()
        if now < self._opens_at.get(key, now):
            self._suppressed[key] = self._suppressed.get(key, 0) + 1
            return None
        self._opens_at[key] = now + LOG_THROTTLE_SECONDS
        return self._suppressed.pop(key, 0)


class Flips:
    """Which things fail, and whether the log says so.

    A line is due when the last line about a thing is no longer true. A line that the throttle
    suppresses is due again at the next failure or success, so the log is soon right again about a
    busy thing.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._fails = LogThrottle(clock)
        self._works = LogThrottle(clock)
        self._failures: dict[Key, int] = {}
        self._logged_as_failing: set[Key] = set()

    def failed(self, key: Key, failures: int = 1) -> int | None:
        """Return how many failures were not logged before these; None: log nothing."""
        self._failures[key] = self._failures.get(key, 0) + failures
        if key in self._logged_as_failing:
            return None
        suppressed = self._fails.admit(key)
        if suppressed is not None:
            self._logged_as_failing.add(key)
        return suppressed

    def worked(self, key: Key) -> int | None:
        """Return how many failures ended with this success; None: log nothing."""
        if key not in self._failures:
            return None
        if key not in self._logged_as_failing:
            del self._failures[key]
        elif self._works.admit(key) is not None:
            self._logged_as_failing.discard(key)
            return self._failures.pop(key)
        return None


class SharedThrottles:
    """The throttles that the log observers of all routes share.

    A version, or a defect, is logged once even when a reload replaces its route by one of the same
    name.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.versions = Flips(clock)
        self.mirrors = Flips(clock)
        self.spans = Flips(clock)
        self.dropped_spans = LogThrottle(clock)
        self.rejects = LogThrottle(clock)
        self.lost_leases = LogThrottle(clock)
        self.crashes = LogThrottle(clock)
        self.malformed: set[Key] = set()
        """Versions whose malformed response was told."""
        self.unreadable = LogThrottle(clock)
        self.unstamped = LogThrottle(clock)
