"""One connection to a target: it carries one request at a time, and rests in between."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from gateway.adapters.http_answer import AnswerReader
from gateway.core.disposition import TimedOut

if TYPE_CHECKING:
    from gateway.adapters.http_pool import Pool
    from gateway.core.disposition import DeliveryResult


class Connection(asyncio.Protocol):
    """One connection. Whoever opened it, or took it from the pool, has it alone."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self._pool = pool
        self._loop = loop
        self._reader = AnswerReader(time.time)
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[DeliveryResult] | None = None
        self._deadline = self._timeout_seconds = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.closed = asyncio.Event()
        self.closed_unanswered = False
        """Whether it closed before any byte of an answer, so that one may try another."""

    async def exchange(
        self, head: bytes, body: bytes, deadline: float, timeout_seconds: float
    ) -> DeliveryResult:
        """Send a request and return what came of it, then rest or close.

        `deadline` is on the loop's clock. Cancellation closes the connection.
        """
        self._reader.expect()
        self._deadline = deadline
        self._timeout_seconds = timeout_seconds
        # A timer of its own for each request would be a fifth of what one costs: this one runs on.
        if self._timer is None or self._timer.when() > deadline:
            self._set_timer()
        answer: asyncio.Future[DeliveryResult] = self._loop.create_future()
        self._answer = answer
        self._transport.writelines((head, body))
        try:
            result = await answer
        except asyncio.CancelledError:
            self.abort()
            raise
        if not self._transport.is_closing():
            self._pool.rest(self)
        return result

    def abort(self) -> None:
        """Close at once, whatever is still to be sent."""
        self._answer = None
        self._pool.retire(self)
        self._transport.abort()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._look_at_clock)

    def _look_at_clock(self) -> None:
        """Give up on a late answer, or look again when the present one would be late."""
        self._timer = None
        if self._answer is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._finish(TimedOut(self._timeout_seconds))

    def _finish(self, result: DeliveryResult, *, reusable: bool = False) -> None:
        answer = self._answer
        self._answer = None
        if answer is not None and not answer.done():
            answer.set_result(result)
        if not reusable:
            self.abort()

    def _end(self, error: Exception | None) -> None:
        if self._answer is not None:
            self.closed_unanswered = not self._reader.begun
            self._finish(self._reader.end(error))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._pool.add(self)

    def data_received(self, data: bytes) -> None:
        """Read the answer. Bytes that nobody asked for end the connection."""
        if self._answer is None:
            self.abort()
            return
        result = self._reader.feed(data)
        if result is not None:
            # An answer before all of the request was sent: the rest would be in the way.
            unsent = self._transport.get_write_buffer_size()
            self._finish(result, reusable=self._reader.reusable and not unsent)

    def eof_received(self) -> None:
        """Take the end of the answer; nothing more can come."""
        self._end(None)
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end, whoever caused it."""
        self._end(exc)
        if self._timer is not None:
            self._timer.cancel()
        self._pool.remove(self)
        self.closed.set()
