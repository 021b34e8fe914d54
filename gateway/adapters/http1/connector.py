"""Opens connections to one host: address by address, before a deadline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.adapters.http1.connection import NEVER, Connection
from gateway.adapters.http1.keepalive import KEEPALIVE
from gateway.adapters.http1.resolver import Addresses
from gateway.aiokit.descriptors import is_limit_of_connecting

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from gateway.adapters.http1.keepalive import Keepalive
    from gateway.adapters.http1.pool import Pool
    from gateway.adapters.http1.response import ResponseReader

GOLDEN: Final = 0.6180339887498949


class ConnectDeadlineError(TimeoutError):
    """No connection was opened before the deadline."""


class Connector:
    """Opens connections to one host, which belong to `pool`.

    `reader` makes a connection's reader; `tls` gives the context of a new connection, None for
    plain TCP. A connection lives some `lifetime_seconds`. Each of the host's addresses gets an
    equal share of the time, and at least `min_attempt_seconds` of it. `keepalive` has the kernel
    probe connections on which nothing is sent; None: it does not. `admit`
    raises OSError where the next descriptor is kept for something else.
    """

    def __init__(
        self,
        host: str,
        port: int,
        pool: Pool,
        reader: Callable[[], ResponseReader],
        *,
        tls: Callable[[], ssl.SSLContext] | None = None,
        lifetime_seconds: float = NEVER,
        min_attempt_seconds: float = 0.0,
        keepalive: Keepalive | None = KEEPALIVE,
        admit: Callable[[], None] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._pool = pool
        self._reader = reader
        self._tls = tls
        self._lifetime_seconds = lifetime_seconds
        self._min_attempt_seconds = min_attempt_seconds
        self._keepalive = keepalive
        self._admit = admit
        self._addresses = Addresses(host, port)
        self._opened = 0
        self._worked = False

    async def open(self, deadline: float) -> Connection:
        """Return a new connection for the caller alone; `deadline` is on the loop's clock.

        Raises ConnectDeadlineError, OSError (ssl.SSLError is one), or UnicodeError for a name that
        DNS cannot have.
        """
        try:
            async with asyncio.timeout_at(deadline) as limit:
                return await self._open_first(deadline)
        except OSError as error:  # TimeoutError is one
            if limit.expired():
                raise ConnectDeadlineError from error
            raise

    async def _open_first(self, deadline: float) -> Connection:
        """Return a connection to the first address that accepts one."""
        loop = asyncio.get_running_loop()
        addresses = await self._addresses.in_turn()
        while len(addresses) > 1:
            # An address that swallows packets must not use up the time of the others.
            share = max(self._min_attempt_seconds, (deadline - loop.time()) / len(addresses))
            try:
                async with asyncio.timeout(share):
                    return await self._open_at(addresses.pop(0))
            except OSError as error:  # TimeoutError is one
                if self.at_limit(error):
                    raise
        return await self._open_at(addresses[0])

    async def _open_at(self, address: str) -> Connection:
        if self._admit is not None:
            self._admit()
        loop = asyncio.get_running_loop()
        connection = Connection(self._pool, self._reader(), loop, self._next_lifetime())
        try:
            transport, _ = await loop.create_connection(
                lambda: connection,
                address,
                self.port,
                ssl=self._tls() if self._tls else None,
                server_hostname=self.host if self._tls else None,
            )
        except BaseException:
            connection.abort()  # it may be open all the same when the cancellation comes
            raise
        plug = transport.get_extra_info("socket")
        if plug is not None and self._keepalive is not None:
            self._keepalive.set_on(plug)
        self._worked = True
        return connection

    def at_limit(self, error: BaseException) -> bool:
        """Whether an error of `open` is about a limit of this process, not about the host."""
        return is_limit_of_connecting(error, worked=self._worked)

    def _next_lifetime(self) -> float:
        """Return 0.75 to 1.25 of the lifetime, spread evenly: not all must end at once."""
        self._opened += 1
        return self._lifetime_seconds * (0.75 + self._opened * GOLDEN % 1 / 2)
