"""The network under httpcore: each address in its turn, and what is known of each attempt."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

import httpcore

from gateway.adapters.http1.ramp import FIRST_CONNECTIONS
from gateway.adapters.http1.resolver import Addresses
from gateway.aiokit.descriptors import is_limit_of_connecting

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable


class Attempt:
    """What is known of one try to send a request."""

    new_connection = False
    sent = False  # some of the request itself was sent, not only a proxy's CONNECT
    begun = False  # some byte of a response arrived

    async def trace(self, event: str, details: dict[str, Any]) -> None:
        """Note what httpcore does (its extension `trace`)."""
        if event.endswith("send_request_headers.started") and details["request"].method == b"POST":
            self.sent, self.begun = True, False


CURRENT: ContextVar[Attempt] = ContextVar("CURRENT")


class Network(httpcore.AsyncNetworkBackend):
    """Opens connections to each of a host's addresses in its turn.

    `admit` raises OSError where the next descriptor is kept for something else.
    """

    def __init__(self, admit: Callable[[], None] | None = None) -> None:
        self._admit = admit
        self._few = asyncio.Semaphore(FIRST_CONNECTIONS)
        self._inner = httpcore.AnyIOBackend()
        self._addresses: dict[tuple[str, int], Addresses] = {}  # the service's, or its proxy's
        self._worked = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that accepts, within what is left of the timeout."""
        CURRENT.get().new_connection = True
        known = self._addresses.setdefault((host, port), Addresses(host, port))
        addresses = await known.in_turn()
        for left in range(len(addresses), 1, -1):
            # An address that swallows packets must not use up the time of the others.
            share = None if timeout is None else timeout / left
            try:
                async with asyncio.timeout(share):
                    return await self._at(addresses[-left], port, local_address, socket_options)
            except (OSError, httpcore.ConnectError) as error:
                if self.at_limit(first_cause(error)):
                    raise
        return await self._at(addresses[-1], port, local_address, socket_options)

    def at_limit(self, error: BaseException) -> bool:
        """Whether an error of connecting is about a limit of this process, not about the host."""
        return is_limit_of_connecting(error, worked=self._worked)

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await self._inner.sleep(seconds)

    async def _at(
        self,
        address: str,
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        async with self._few:
            if self._admit is not None:
                self._admit()
            stream = await self._inner.connect_tcp(
                address, port, local_address=local_address, socket_options=socket_options
            )
        self._worked = True
        return _watched(stream)


def first_cause(error: BaseException) -> BaseException:
    """Return the first of a chain of errors: the others only pass it on."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error


class _Stream:
    """A connection that notes on the current attempt when bytes arrive."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
    ) -> bytes:
        received = await self._inner.read(max_bytes, timeout)
        if received:
            CURRENT.get().begun = True
        return received

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
    ) -> httpcore.AsyncNetworkStream:
        return _watched(await self._inner.start_tls(ssl_context, server_hostname, timeout))


def _watched(stream: httpcore.AsyncNetworkStream) -> httpcore.AsyncNetworkStream:
    return cast("httpcore.AsyncNetworkStream", _Stream(stream))
