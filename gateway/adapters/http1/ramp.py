"""How many connections to one host may be new at once, and which requests wait for one.

A server takes connections from a backlog that may be as short as 5, and some have one process for
each connection. Many connections at once then hang until the timeout. So a few are opened, and
further ones as they get responses; meanwhile a request takes what comes first: a new
connection, or one that has become idle.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.http1.exchange import Exchange

FIRST_CONNECTIONS: Final = 8
"""New connections at once. Each first response while others wait allows one more."""

PATIENCE_SECONDS: Final = 2.0
"""A connection without a response is new for this long: a slow service has to get its load too."""

UNUSED_SECONDS: Final = 1.0
"""When no connection was opened for this long, the next ones are few again."""


class Ramp:
    """The new connections of one host, and the requests that wait: a `Carrier` while they do.

    `start` opens a connection for a request. `close_idle` closes an idle connection and returns
    whether there was one: a server with a process for each looks at no new one before that.
    """

    def __init__(
        self, start: Callable[[Exchange, Any], None], close_idle: Callable[[], bool]
    ) -> None:
        self.pending = False  # whether `take` or `to_close` has anything to say
        self._start = start
        self._close_idle = close_idle
        self._to_close = 0
        self._window = FIRST_CONNECTIONS
        self._new: dict[Exchange, asyncio.TimerHandle] = {}
        self._last_opened_at = 0.0
        self._any: deque[Exchange] = deque()
        self._again: deque[tuple[Exchange, Any]] = deque()  # an idle connection is not for these
        self._held = False

    def __len__(self) -> int:
        """Return the number of requests that wait."""
        return len(self._any) + len(self._again)

    def connect(self, exchange: Exchange, before: Any) -> None:
        """Open a connection for the request, now or later; `before` as `Exchange.again` has it."""
        now = asyncio.get_running_loop().time()
        if not self._new and now - self._last_opened_at >= UNUSED_SECONDS:
            self._window = FIRST_CONNECTIONS
        if self._may_open() and not len(self):
            self._open(exchange, before)
            return
        exchange.connection = self
        if before is None:
            self._any.append(exchange)
            self.pending = True
        else:
            self._again.append((exchange, before))

    def take(self) -> Exchange | None:
        """Return a request for a connection that has become idle."""
        exchange = self._any.popleft() if self._any else None
        self._update()
        return exchange

    def to_close(self) -> bool:
        """Return whether a connection that has become idle is to be closed: a new one hangs."""
        if not self._to_close:
            return False
        self._to_close -= 1
        self._update()
        return True

    def may_have_sent(self, exchange: Exchange) -> bool:
        """Whether a connection was found for a request before it came here."""
        return exchange.deadline > 0

    def cancel(self, exchange: Exchange) -> None:
        """Forget a request that waits."""
        if exchange in self._any:
            self._any.remove(exchange)
            self._update()
        self._again = deque(each for each in self._again if each[0] is not exchange)

    def on_response(self, exchange: Exchange) -> None:
        """Allow more: a new connection got its first response."""
        if len(self):
            self._window += 1
        self.on_end(exchange)

    def on_failure(self, exchange: Exchange) -> None:
        """Allow few again: a connection could not be opened."""
        self._window = FIRST_CONNECTIONS
        self.on_end(exchange)

    def on_end(self, exchange: Exchange) -> None:
        """Count a connection as new no more; no effect where it is not."""
        timer = self._new.pop(exchange, None)
        if timer is not None:
            timer.cancel()
        self._open_more()

    def hold(self, exchange: Exchange, before: Any) -> None:
        """Have a request wait that found no descriptor or port, and open nothing until `go_on`."""
        self._held = True
        exchange.connection = self
        if before is None:
            self._any.appendleft(exchange)
            self.pending = True
        else:
            self._again.appendleft((exchange, before))
        self.on_end(exchange)

    def go_on(self) -> None:
        """Try again to open connections."""
        self._held = False
        self._open_more()

    def _may_open(self) -> bool:
        return not self._held and len(self._new) < self._window

    def _open_more(self) -> None:
        while len(self) and self._may_open():
            if self._again:
                self._open(*self._again.popleft())
            else:
                self._open(self._any.popleft(), None)
        self._update()

    def _update(self) -> None:
        self.pending = bool(self._any) or self._to_close > 0

    def _open(self, exchange: Exchange, before: Any) -> None:
        loop = asyncio.get_running_loop()
        self._last_opened_at = loop.time()
        self._new[exchange] = loop.call_later(PATIENCE_SECONDS, self._outlast, exchange)
        self._start(exchange, before)

    def _outlast(self, exchange: Exchange) -> None:
        if not self._close_idle():
            self._to_close = min(self._to_close + 1, self._window)
            self.pending = True
        self.on_end(exchange)
