"""One connection: it carries one exchange at a time, and is idle in between."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from gateway.adapters.http1.exchange import Exchange
    from gateway.adapters.http1.response import ResponseReader
    from gateway.aiokit.write_batch import WriteBatch

NEVER: Final = float("inf")
VANISHED: Final = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH})
"""How the kernel says that a host acknowledges nothing any more; it may have the request."""


class Owner(Protocol):
    """What a connection belongs to: a pool."""

    idle_seconds: float
    write_batch: WriteBatch

    def add(self, connection: Connection) -> None:
        """Count a connection that has just been opened."""

    def release(self, connection: Connection) -> None:
        """Take a connection that has become idle."""

    def first_response(self, exchange: Exchange) -> None:
        """Note that the connection opened for this exchange got its first response."""

    def retire(self, connection: Connection) -> None:
        """Hand out a connection no more that is closing."""

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""


class Connection(asyncio.Protocol):
    """One connection, used by one exchange at a time: that which opened it, or took it as idle.

    It closes once it was idle for the owner's `idle_seconds`. After `lifetime_seconds` it carries
    no further exchange: the host's name may have another address by then.
    """

    __slots__ = (
        "__weakref__",
        "_deadline",
        "_exchange",
        "_expired",
        "_expires_at",
        "_idle_seconds",
        "_lifetime_seconds",
        "_loop",
        "_open",
        "_owner",
        "_reader",
        "_timer",
        "_timer_at",
        "_transport",
        "_unsent",
        "_write_batch",
        "closed",
        "new_for",
    )

    def __init__(
        self,
        owner: Owner,
        reader: ResponseReader,
        loop: asyncio.AbstractEventLoop,
        lifetime_seconds: float = NEVER,
    ) -> None:
        self._owner = owner
        self._write_batch = owner.write_batch
        self._reader = reader
        self._loop = loop
        self._transport: asyncio.Transport
        self._open = False
        self._exchange: Exchange | None = None
        self._unsent = False
        self._deadline = NEVER  # of the exchange; without one: how long it may be idle
        self._idle_seconds = owner.idle_seconds
        self._lifetime_seconds = lifetime_seconds
        self._expires_at = NEVER
        self._expired = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER
        self.closed = asyncio.Event()
        self.new_for: Exchange | None = None
        """The exchange it was opened for, until its first response; None where none asks."""

    def send(self, exchange: Exchange) -> None:
        """Send the request at once, on a connection that has just been opened."""
        exchange.deadline = exchange.deadline or self._loop.time() + exchange.timeout_seconds
        self._start(exchange)
        self.write()

    def send_soon(self, exchange: Exchange) -> None:
        """Send the request on a kept connection, at the end of this turn of the event loop."""
        exchange.kept = True
        exchange.deadline = self._loop.time() + exchange.timeout_seconds
        self._start(exchange)
        self._write_batch.put(self)

    def write(self) -> None:
        """Send the request, unless it has been sent or is not wanted any more."""
        exchange = self._exchange
        if exchange is None or not self._unsent:
            return
        waiter = exchange.waiter
        if waiter is not None and waiter.done():  # cancelled: `cancel` follows
            return
        self._unsent = False
        if exchange.body:
            self._transport.writelines((exchange.head, exchange.body))
        else:
            self._transport.write(exchange.head)

    def usable(self) -> bool:
        """Return whether it is open; its end is reported to it some turns of the loop later."""
        return not self._transport.is_closing()

    def may_have_sent(self, exchange: Exchange) -> bool:  # noqa: ARG002 - a `Carrier`
        """Whether something of an exchange that it carries may have been sent."""
        return True

    def cancel(self, exchange: Exchange) -> None:
        """Close, if it still carries this exchange."""
        if self._exchange is exchange:
            self.abort()

    def abort(self) -> None:
        """Close at once, without a result for the exchange."""
        self._exchange = None
        self._owner.retire(self)
        if self._open:
            self._transport.abort()

    def fail(self) -> None:
        """Close at once; the exchange, if any, ends as one whose connection broke."""
        exchange = self._exchange
        self.abort()
        if exchange is not None:
            exchange.done(self._reader.end(ConnectionAbortedError()))

    def _start(self, exchange: Exchange) -> None:
        self._exchange = exchange
        exchange.connection = self
        self._reader.expect()
        self._unsent = True
        self._deadline = deadline = exchange.deadline
        if deadline < self._timer_at:
            self._set_timer(deadline)

    def _release(self) -> None:
        """Become idle."""
        self._exchange = None
        self._deadline = NEVER
        if self._idle_seconds != NEVER:
            self._deadline = deadline = self._loop.time() + self._idle_seconds
            if deadline < self._timer_at:
                self._set_timer(deadline)
        self._owner.release(self)

    # One timer for all exchanges: setting one for each costs more. It is only ever set earlier;
    # when it goes off too early, it is set again.

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if when == NEVER else self._loop.call_at(when, self._check_clock)
        self._timer_at = when

    def _check_clock(self) -> None:
        """Close where the exchange is late, or an idle connection is too old; or look later."""
        self._timer = None
        self._timer_at = NEVER
        now = self._loop.time()
        if now >= self._expires_at:
            self._expired = True
            self._expires_at = NEVER
        exchange = self._exchange
        if now < self._deadline and not (self._expired and exchange is None):
            self._set_timer(min(self._deadline, self._expires_at))
            return
        self.abort()
        if exchange is not None:
            exchange.done(self._reader.timed_out(exchange.timeout_seconds))

    def _end(self, error: Exception | None) -> None:
        """Handle the end of the connection, which may be the end of the response."""
        exchange = self._exchange
        no_response = not self._reader.begun
        unsent = self._unsent
        self.abort()
        if exchange is None:
            return
        result = self._reader.end(error)
        if no_response and exchange.kept and not _has_vanished(error):
            exchange.again(exchange, None if unsent else result)
        else:
            exchange.done(result)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timers: they also close a connection whose opener was cancelled."""
        self._transport = cast("asyncio.Transport", transport)
        self._open = True
        self._owner.add(self)
        now = self._loop.time()
        self._deadline = now + self._idle_seconds
        self._expires_at = now + self._lifetime_seconds
        self._set_timer(min(self._deadline, self._expires_at))

    def data_received(self, data: bytes) -> None:
        """Read the response. Bytes to no request end the connection."""
        exchange = self._exchange
        if exchange is None:
            self.abort()
            return
        if self._unsent:  # sent while it was idle, so this is no response to the request
            self._end(None)
            return
        reader = self._reader
        result = reader.feed(data)
        if result is None:
            if reader.restarts_timeout:
                self._deadline = self._loop.time() + exchange.timeout_seconds
            return
        # A response before all of the request was sent: what is left must not follow later.
        unsent = self._transport.get_write_buffer_size()
        if reader.reusable and not self._expired and not unsent:
            self._release()  # before `done`, which may send the next request
        else:
            self.abort()
        if self.new_for is not None:
            new_for, self.new_for = self.new_for, None
            self._owner.first_response(new_for)
        exchange.done(result)

    def eof_received(self) -> None:
        """End the response; nothing more can come."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, whichever side closed."""
        self._open = False
        self._end(exc)
        self._set_timer(NEVER)
        self._owner.remove(self)
        self.closed.set()


def _has_vanished(error: Exception | None) -> bool:
    return isinstance(error, OSError) and error.errno in VANISHED
