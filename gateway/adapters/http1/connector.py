"""Opening a connection to a target: address by address, within the time of its delivery."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import TYPE_CHECKING, Final

from gateway.adapters.http1.connection import Connection
from gateway.adapters.http1.resolver import Addresses
from gateway.core.delivery.disposition import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.http.request import RequestHead
    from gateway.adapters.http1.pool import Pool

LIFETIME_SECONDS: Final = 60.0
"""How long a connection is used; a Service that moved, or has new pods, is found by then."""

_GOLDEN: Final = 0.6180339887498949


class Opener:
    """Opens connections to one place, each to live for a while."""

    def __init__(
        self,
        place: RequestHead,
        pool: Pool,
        tls: Callable[[], ssl.SSLContext] | None,
        lifetime_seconds: float = LIFETIME_SECONDS,
    ) -> None:
        self._host, self._port = place.host, place.port
        self._pool, self._tls, self._lifetime_seconds = pool, tls, lifetime_seconds
        self._addresses = Addresses(place.host, place.port)
        self._opened = 0

    async def open(self, deadline: float, timeout_seconds: float) -> Connection | Unreachable:
        """Return a connection that nobody else has; `deadline` is on the loop's clock."""
        place = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout_at(deadline) as limit:
                return await self._first(deadline)
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS cannot have
            if limit.expired():
                return Unreachable(f"no connection to {place} within {timeout_seconds:g} s")
            return Unreachable(f"no connection to {place}: {words(error)}")

    async def _first(self, deadline: float) -> Connection:
        """Return a connection to the first address that takes one."""
        loop = asyncio.get_running_loop()
        addresses = await self._addresses.in_turn()
        while len(addresses) > 1:
            # One that swallows packets must not use up the time of the others.
            share = (deadline - loop.time()) / len(addresses)
            try:
                async with asyncio.timeout(share):
                    return await self._at(addresses.pop(0))
            except OSError:  # TimeoutError is one
                continue
        return await self._at(addresses[0])

    async def _at(self, address: str) -> Connection:
        loop = asyncio.get_running_loop()
        connection = Connection(self._pool, loop, self._next_lifetime())
        try:
            await loop.create_connection(
                lambda: connection,
                address,
                self._port,
                ssl=self._tls() if self._tls else None,
                server_hostname=self._host if self._tls else None,
            )
        except BaseException:
            connection.abort()  # it may be open all the same when the cancellation comes
            raise
        return connection

    def _next_lifetime(self) -> float:
        """Return 0.75 to 1.25 of the lifetime, spread evenly: not all must end at once."""
        self._opened += 1
        return self._lifetime_seconds * (0.75 + self._opened * _GOLDEN % 1 / 2)


def words(error: OSError | UnicodeError) -> str:
    """Say in a few words why no connection was opened."""
    number = error.errno if isinstance(error, OSError) else None
    if number and number > 0 and not isinstance(error, ssl.SSLError):  # which numbers its own
        return os.strerror(number)  # asyncio would only say that it failed, and the address again
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
