"""One connection to a target: it carries one exchange at a time, and rests in between."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, cast

from gateway.adapters.http1.response import ResponseReader
from gateway.core.delivery.disposition import TimedOut

if TYPE_CHECKING:
    from gateway.adapters.http1.exchange import Exchange
    from gateway.adapters.http1.pool import Pool
    from gateway.core.delivery.disposition import DeliveryResult

_NEVER: Final = float("inf")


class Connection(asyncio.Protocol):
    """One connection. Whoever opened it, or took it from the pool, has it alone.

    After `lifetime_seconds` it carries no further exchange: the name may mean another place by
    then.
    """

    __slots__ = (
        "__weakref__",
        "_deadline",
        "_exchange",
        "_expires_at",
        "_lifetime_seconds",
        "_loop",
        "_open",
        "_pool",
        "_reader",
        "_timer",
        "_timer_at",
        "_transport",
        "_unsent",
        "_worn",
        "closed",
    )

    def __init__(
        self, pool: Pool, loop: asyncio.AbstractEventLoop, lifetime_seconds: float = _NEVER
    ) -> None:
        self._pool = pool
        self._loop = loop
        self._reader = ResponseReader(time.time)
        self._transport: asyncio.Transport
        self._open = False
        self._exchange: Exchange | None = None
        self._deadline = 0.0
        self._lifetime_seconds = lifetime_seconds
        self._expires_at = _NEVER
        self._worn = False
        self._unsent = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self.closed = asyncio.Event()

    def carry(self, exchange: Exchange) -> None:
        """Send the request; `exchange.done` will have the result, and this connection rest."""
        self._take(exchange, exchange.deadline)
        self.write()

    def carry_next(self, exchange: Exchange) -> None:
        """Send another request on a kept connection, at the end of this turn of the loop."""
        exchange.kept = True
        exchange.deadline = deadline = self._loop.time() + exchange.timeout_seconds
        self._take(exchange, deadline)
        self._pool.write_batch.put(self)

    def _take(self, exchange: Exchange, deadline: float) -> None:
        self._exchange, exchange.connection = exchange, self
        self._reader.expect()
        self._deadline = deadline
        # A timer of its own for each request would be a fifth of what one costs: this one runs on.
        if deadline < self._timer_at:
            self._set_timer(deadline)
        self._unsent = True

    def write(self) -> None:
        """Send what is to be sent, if it still is."""
        exchange = self._exchange
        if exchange is None or not self._unsent:
            return
        self._unsent = False
        if exchange.body:
            self._transport.writelines((exchange.head, exchange.body))
        else:
            self._transport.write(exchange.head)

    def give_up(self, exchange: Exchange) -> None:
        """Close, if it still carries this one; nobody is told."""
        if self._exchange is exchange:
            self.abort()

    def abort(self) -> None:
        """Close at once, whatever is still to be sent."""
        self._exchange = None
        self._pool.retire(self)
        if self._open:
            self._transport.abort()

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if when == _NEVER else self._loop.call_at(when, self._look_at_clock)
        self._timer_at = when

    def _look_at_clock(self) -> None:
        """Give up on a late answer, close what has rested past its time, or look again later."""
        self._timer, self._timer_at = None, _NEVER
        now = self._loop.time()
        if now >= self._expires_at:
            self._worn, self._expires_at = True, _NEVER
        exchange = self._exchange
        if exchange is None:
            if self._worn:
                self.abort()
            else:
                self._set_timer(self._expires_at)
        elif now < self._deadline:
            self._set_timer(min(self._deadline, self._expires_at))
        else:
            self.abort()
            exchange.done(TimedOut(exchange.timeout_seconds))

    def _end(self, error: Exception | None) -> None:
        """Take the end of the connection, which may be that of the answer."""
        exchange = self._exchange
        unanswered, unsent = not self._reader.begun, self._unsent
        self.abort()
        if exchange is None:
            return
        result: DeliveryResult = self._reader.end(error)
        if unanswered and exchange.kept:
            exchange.again(exchange, None if unsent else result)
        else:
            exchange.done(result)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to age."""
        self._transport = cast("asyncio.Transport", transport)
        self._open = True
        self._pool.add(self)
        self._expires_at = self._loop.time() + self._lifetime_seconds
        self._set_timer(self._expires_at)

    def data_received(self, data: bytes) -> None:
        """Read the answer. Bytes that nobody asked for end the connection."""
        exchange = self._exchange
        if exchange is None:
            self.abort()
            return
        if self._unsent:  # it has said something since it came to rest: what, does not matter
            self._end(None)
            return
        reader = self._reader
        result = reader.feed(data)
        if result is None:
            return
        # An answer before all of the request was sent: the rest would be in the way.
        unsent = self._transport.get_write_buffer_size()
        if reader.reusable and not self._worn and not unsent:
            self._exchange = None
            self._pool.rest(self)  # first: whoever is told may have the next one ready
        else:
            self.abort()
        exchange.done(result)

    def eof_received(self) -> None:
        """Take the end of the answer; nothing more can come."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end, whoever caused it."""
        self._open = False
        self._end(exc)
        self._set_timer(_NEVER)
        self._pool.remove(self)
        self.closed.set()
