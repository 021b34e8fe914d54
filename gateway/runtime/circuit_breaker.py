"""What a version that sheds load gets: nothing for a while, then one delivery to try.

A version that answers 429 or 503 with Retry-After to one message may refuse just that one. One
that gives that answer to everybody is overloaded: to send it more would only raise the messages'
receive counts. So after a row of such answers it rests, each time for longer, up to what it asks
for; when a rest is over one delivery goes out, and any other answer to it ends the matter.
"""

from __future__ import annotations

from typing import Final

from gateway.runtime.backoff import exponential_backoff

ROW: Final = 10
"""Refusals without any other answer between them that make a version rest."""

FIRST_REST_SECONDS: Final = 1.0
LONGEST_REST_SECONDS: Final = 60.0


class CircuitBreaker:
    """How a version sheds load at the moment; the times are the event loop's seconds."""

    def __init__(self) -> None:
        self.rests_until = 0.0
        self._asked_seconds = 0.0
        self.refusals = self._rests = 0
        self.trying = False

    @property
    def sheds(self) -> bool:
        """Whether it rests, or is being tried after a rest."""
        return self.refusals >= ROW

    @property
    def pause_seconds(self) -> float | None:
        """For how long at least a message that finds no place goes back; None: as usual."""
        return self._asked_seconds if self.sheds else None

    def refused(self, retry_after_seconds: float, now: float) -> None:
        """Take note of a 429 or 503 with Retry-After."""
        self.refusals += 1
        at_least = max(retry_after_seconds, FIRST_REST_SECONDS)  # also for `Retry-After: 0`
        self._asked_seconds = min(at_least, LONGEST_REST_SECONDS)
        if self.sheds and now >= self.rests_until:  # else: the rest of a wave that was under way
            self._rests += 1
            longest = exponential_backoff(FIRST_REST_SECONDS, LONGEST_REST_SECONDS, self._rests)
            self.rests_until = now + min(self._asked_seconds, longest)

    def took(self) -> None:
        """Take note of any other result: all goes on as usual."""
        self.refusals = self._rests = 0
        self.rests_until = 0.0

    def admits(self, now: float) -> bool:
        """Whether a delivery may begin."""
        return not self.sheds or (now >= self.rests_until and not self.trying)

    def began(self) -> None:
        """Take note of a delivery that begins."""
        self.trying = self.sheds

    def ended(self) -> None:
        """Take note of a delivery that ended in whatever way."""
        self.trying = False
