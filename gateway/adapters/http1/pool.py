"""The connections to one host."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gateway.adapters.http1.connection import NEVER
from gateway.aiokit.write_batch import WriteBatch

if TYPE_CHECKING:
    from gateway.adapters.http1.connection import Connection
    from gateway.adapters.http1.exchange import Exchange
    from gateway.adapters.http1.ramp import Ramp
    from gateway.aiokit.descriptors import Descriptors


class Pool:
    """The connections that are open, and which of them are idle.

    At most `max_idle` stay idle, each for `idle_seconds`. Connections of pools that share a
    `write_batch` write together. Those of an `expendable` pool are closed in use too, where
    descriptors run out. `ramp` has the requests that wait for a connection, if any may.
    """

    def __init__(
        self,
        max_idle: int = sys.maxsize,
        idle_seconds: float = NEVER,
        write_batch: WriteBatch | None = None,
        *,
        expendable: bool = False,
    ) -> None:
        self._max_idle = max_idle
        self._expendable = expendable
        self.idle_seconds = idle_seconds
        self.write_batch = write_batch or WriteBatch()
        # A dict: the newest is taken off its end, and one that closes out of its middle.
        self.idle: dict[Connection, None] = {}
        self._open: set[Connection] = set()
        self.ramp: Ramp | None = None
        self.descriptors: Descriptors | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Count a connection that has just been opened."""
        self._open.add(connection)

    def take(self) -> Connection | None:
        """Return the idle connection that was used last, so that superfluous ones stay idle."""
        idle = self.idle
        while idle:
            connection, _ = idle.popitem()
            if connection.usable():
                return connection
        return None

    def release(self, connection: Connection) -> None:
        """Give a connection to a request that waits, or keep it; close it where enough are idle."""
        ramp = self.ramp
        if ramp is None or not ramp.pending:
            self._keep(connection)
        elif (exchange := ramp.take()) is not None:
            connection.send_soon(exchange)
        elif ramp.to_close():
            connection.abort()
        else:
            self._keep(connection)

    def _keep(self, connection: Connection) -> None:
        if len(self.idle) < self._max_idle:
            self.idle[connection] = None
        else:
            connection.abort()

    def first_response(self, exchange: Exchange) -> None:
        """Allow further new connections: a new one got its first response."""
        if self.ramp is not None:
            self.ramp.on_response(exchange)

    def close_oldest_idle(self) -> bool:
        """Close the connection that has been idle for longest; return whether there was one."""
        oldest = next(iter(self.idle), None)
        if oldest is not None:
            oldest.abort()
        elif self._expendable and self._open:
            next(iter(self._open)).fail()
            return True
        return oldest is not None

    def retire(self, connection: Connection) -> None:
        """Hand out a connection no more that is closing."""
        self.idle.pop(connection, None)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self.idle.pop(connection, None)
        self._open.discard(connection)
        exchange, connection.new_for = connection.new_for, None
        if self.ramp is not None and exchange is not None:
            self.ramp.on_end(exchange)
        if self.descriptors is not None:
            self.descriptors.freed()

    async def close(self) -> None:
        """Close the idle connections; one in use closes when its exchange is done."""
        self._max_idle = 0
        idle = list(self.idle)
        for connection in idle:
            connection.abort()
        for connection in idle:
            await connection.closed.wait()

    async def abort(self) -> None:
        """Close all connections; exchanges under way fail."""
        connections = list(self._open)
        for connection in connections:
            connection.fail()
        for connection in connections:
            await connection.closed.wait()
