"""Reads a service's response to a delivery: its status and Retry-After, and no more than 1 MiB."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway.adapters.http.lenient_response import read_leniently
from gateway.adapters.http.retry_after import retry_after_seconds
from gateway.adapters.http1.response import ResponseReader
from gateway.core.delivery.disposition import Broken, Malformed, Responded, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RESPONSE_BYTES: Final = 1024 * 1024
"""What is read of one response, its head included; beyond it the status counts."""

MAX_SAME_BYTES: Final = 2048
"""The longest response that is kept, to recognize the next one by."""

# Frozen, so that all responses of a status may share one.
_responded = lru_cache(maxsize=1000)(Responded)


class StatusReader(ResponseReader):
    """Reads responses into `Responded` or `Broken`; `clock` gives seconds since the epoch.

    A response that is not strict HTTP but can mean only one thing counts; its connection is closed.
    """

    __slots__ = ("_clock", "_leniently", "_pieces", "_same", "_same_result")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pieces: list[bytes] = []  # of a response that is incomplete so far
        self._leniently = False
        self._same: bytes | None = None
        self._same_result: Responded | Broken | None = None
        super().__init__(b"retry-after", MAX_RESPONSE_BYTES)

    def feed(self, received: bytes) -> Responded | Broken | None:
        """Read on; return the result, or None while the response is incomplete."""
        result: Responded | Broken | None
        if self.begun:
            result = None if self._leniently else self._feed(received)
            return self._keep(received, result)
        self.begun = True
        self._pieces.clear()
        self._leniently = False
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
        if result is None or isinstance(result, Malformed):
            return self._keep(received, result)
        return result

    def end(self, error: Exception | None) -> Responded | Broken:
        """Return the result of a response that the end of its connection cut or completed."""
        result: Responded | Broken
        if self._leniently and self.begun and error is None:
            result = self._read_leniently(ended=True) or self._cut(error)
        else:
            result = super().end(error)
        return result

    def _keep(
        self, received: bytes, result: Responded | Broken | None
    ) -> Responded | Broken | None:
        """Keep a piece of an incomplete response; read it leniently if it is not strict HTTP."""
        if result is not None and not isinstance(result, Malformed):
            return result
        self._pieces.append(received)
        if result is None and not self._leniently:
            return None
        self._leniently = True
        return self._read_leniently(ended=False)

    def _read_leniently(self, *, ended: bool) -> Responded | Broken | None:
        raw = b"".join(self._pieces)
        self._pieces = [raw]
        self.reusable = False
        try:
            response = read_leniently(raw, self._header, ended=ended)
        except ValueError as error:
            return self._result or Malformed(f"response is not HTTP/1.1: {error}")
        if response is None:
            if len(raw) > MAX_RESPONSE_BYTES:
                return self._result or Malformed("response is not HTTP/1.1, and too long")
            return None
        self._status, self._header_value = response
        return self._complete()

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

    def _misread(self, why: str) -> None:
        if self._result is None:
            self._result = Malformed(f"response is not HTTP/1.1: {why}")

    def _exceed(self) -> None:
        self._complete()
