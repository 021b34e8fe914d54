"""Reads a service's response to a delivery: its status and Retry-After, and no more than 1 MiB."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway.adapters.http.retry_after import retry_after_seconds
from gateway.adapters.http1.response import ResponseReader
from gateway.core.delivery.disposition import Broken, Responded, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RESPONSE_BYTES: Final = 1024 * 1024
"""What is read of one response, its head included; beyond it the status counts."""

MAX_SAME_BYTES: Final = 2048
"""The longest response that is kept, to recognize the next one by."""

# Frozen, so that all responses of a status may share one.
_responded = lru_cache(maxsize=1000)(Responded)


class StatusReader(ResponseReader):
    """Reads responses into `Responded` or `Broken`; `clock` gives seconds since the epoch."""

    __slots__ = ("_clock", "_same", "_same_result")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._same: bytes | None = None
        self._same_result: Responded | Broken | None = None
        super().__init__(b"retry-after", MAX_RESPONSE_BYTES)

    def feed(self, received: bytes) -> Responded | Broken | None:
        """Read on; return the result, or None while the response is incomplete."""
        result: Responded | Broken | None
        if self.begun:
            result = self._feed(received)
            return result
        self.begun = True
        # The same bytes as last time: parsing them would give the same result and leave the parser
        # in the same state. Services repeat themselves but for a date.
        if received == self._same:
            self.reusable = True
            return self._same_result
        self._begin()
        result = self._feed(received)
        if self.reusable and self._header_value is None and len(received) <= MAX_SAME_BYTES:
            self._same = received
            self._same_result = result
        return result

    def timed_out(self, seconds: float) -> TimedOut:
        """Return the result of a delivery that took more than `seconds`."""
        return TimedOut(seconds)

    def _complete(self) -> Responded:
        result: Responded
        if self._header_value is None:
            result = _responded(self._status)
        else:
            result = Responded(self._status, retry_after_seconds(self._header_value, self._clock()))
        self._result = result
        return result

    def _cut(self, error: Exception | None) -> Broken:
        where = "in the middle of the response" if self.begun else "without a response"
        return Broken(f"connection closed {where}" + (f" ({error})" if error else ""))

    def _reject(self, why: str) -> None:
        if self._result is None:  # bytes behind a complete response do not change it
            self._result = Broken(why)

    def _exceed(self) -> None:
        self._complete()
