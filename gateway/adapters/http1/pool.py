"""The connections to one target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.aiokit.write_batch import WriteBatch

if TYPE_CHECKING:
    from gateway.adapters.http1.connection import Connection


class Pool:
    """The connections that are open, and which of them rest; `outbox` has them write."""

    def __init__(self, max_idle: int, write_batch: WriteBatch | None = None) -> None:
        self._max_idle = max_idle
        self.write_batch = write_batch or WriteBatch()
        # A dict: the newest is taken off its end, and one that closes out of its middle.
        self.idle: dict[Connection, None] = {}
        self._open: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Count a connection that has just been opened."""
        self._open.add(connection)

    def take(self) -> Connection | None:
        """Hand out the connection that was used last, so that superfluous ones stay at rest."""
        return self.idle.popitem()[0] if self.idle else None

    def rest(self, connection: Connection) -> None:
        """Keep a connection for the next request; close it where enough are at rest."""
        if len(self.idle) < self._max_idle:
            self.idle[connection] = None
        else:
            connection.abort()

    def retire(self, connection: Connection) -> None:
        """Take a connection that is closing out of those at rest."""
        self.idle.pop(connection, None)

    def remove(self, connection: Connection) -> None:
        """Let go of a connection that is closed."""
        self.idle.pop(connection, None)
        self._open.discard(connection)

    async def close(self) -> None:
        """Close what is at rest; what is in use closes when it comes to rest."""
        self._max_idle = 0
        idle = list(self.idle)
        for connection in idle:
            connection.abort()
        for connection in idle:
            await connection.closed.wait()
