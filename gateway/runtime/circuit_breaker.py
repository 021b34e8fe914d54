"""The circuit breaker of one version: it opens when the version says that it is overloaded.

A version that responds 429 or 503 with Retry-After to one message may refuse just that one. A
version that gives that response to every message is overloaded, and so is a queue that throttles:
sending more only raises the messages' receive counts. After ten such responses in a row the breaker
opens, each time for longer, up to what the version asked for. Then it is half-open: one delivery
goes out, and any response but another overload closes it.
"""

from __future__ import annotations

from typing import Final

from gateway.aiokit.backoff import exponential_backoff

TRIP_AFTER: Final = 10
"""Overload responses in a row, with no other result between them, that open the breaker."""

FIRST_OPEN_SECONDS: Final = 1.0
LONGEST_OPEN_SECONDS: Final = 60.0


class CircuitBreaker:
    """The state of one version; all times are the event loop's seconds."""

    __slots__ = ("_probing", "_retry_after_seconds", "_times_opened", "open_until", "overloads")

    def __init__(self) -> None:
        self.open_until = 0.0
        self.overloads = 0
        self._retry_after_seconds = 0.0
        self._times_opened = 0
        self._probing = False

    @property
    def tripped(self) -> bool:
        """Whether it is open or half-open."""
        return self.overloads >= TRIP_AFTER

    @property
    def probing(self) -> bool:
        """Whether the one delivery of the half-open state is under way."""
        return self._probing

    @property
    def retry_after_seconds(self) -> float | None:
        """How long at least a message that finds no slot goes back; None while it is closed."""
        return self._retry_after_seconds if self.tripped else None

    def on_overload(self, retry_after_seconds: float, now: float) -> None:
        """Count a 429 or 503 with Retry-After, or a queue's throttling."""
        self.overloads += 1
        at_least = max(retry_after_seconds, FIRST_OPEN_SECONDS)  # also for `Retry-After: 0`
        self._retry_after_seconds = min(at_least, LONGEST_OPEN_SECONDS)
        # Responses to deliveries that were under way when it opened do not prolong it.
        if self.tripped and now >= self.open_until:
            self._times_opened += 1
            longest = exponential_backoff(
                FIRST_OPEN_SECONDS, LONGEST_OPEN_SECONDS, self._times_opened
            )
            self.open_until = now + min(self._retry_after_seconds, longest)

    def on_success(self) -> None:
        """Close it: the version gave any other result, which need not be an ack."""
        self.overloads = self._times_opened = 0
        self.open_until = 0.0

    def allows(self, now: float) -> bool:
        """Whether a delivery may begin."""
        return not self.tripped or (now >= self.open_until and not self._probing)

    def on_begin(self) -> None:
        """Note that a delivery begins."""
        self._probing = self.tripped

    def on_end(self) -> None:
        """Note that a delivery ended, with any result or none."""
        self._probing = False
