"""A number of permits that finds itself: as many as the route's versions can use.

A permit is held from the receive to the confirmed delete, so how long says as much of SQS as of a
service, and on FIFO of the messages in front. That is no reason to hold fewer. So this limit does
not look at latency: it grows where a receive wants permits for messages that stable has room for,
and shrinks where they are not used. What protects the services are the limits of the versions.
"""

from __future__ import annotations

from typing import Final

FIRST_LIMIT: Final = 50

WINDOW_SECONDS: Final = 0.1
UNUSED_DECAY: Final = 0.95


class PermitLimit:
    """How many messages a route may hold, from `least` to `most`; `limit` is in force."""

    def __init__(self, least: int, most: int, first: int = FIRST_LIMIT) -> None:
        self.least = least
        self.most = most
        self.limit = max(least, min(most, first))
        self._window_ends_at = 0.0
        self._at_first = self.limit
        self._peak = 0

    def hold_to(self, least: int, most: int) -> None:
        """Use other bounds from now on."""
        self.least = least
        self.most = most
        self.limit = self._at_first = max(least, min(most, self.limit))

    def look(self, now: float, held: int, wanted: int) -> int:
        """Return the limit, given how many permits are held and how many more could be used.

        It doubles at most in each window, and in a window in which less than half were held it
        loses a twentieth.
        """
        self._peak = max(self._peak, held)
        if now >= self._window_ends_at:
            self._end_window(now)
        if held + wanted > self.limit:
            self.limit = max(self.limit, min(held + wanted, 2 * self._at_first, self.most))
        return self.limit

    def _end_window(self, now: float) -> None:
        if 2 * self._peak < self.limit:
            unused = max(2 * self._peak, int(self.limit * UNUSED_DECAY))
            self.limit = max(self.least, min(self.limit, unused))
        self._at_first = self.limit
        self._peak = 0
        self._window_ends_at = now + WINDOW_SECONDS
