"""The network under httpcore: addresses in turn, and who has had bytes of an answer."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

import httpcore

from gateway.adapters.http1.resolver import Addresses

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable


class Attempt:
    """What is known of one request on its way."""

    fresh = False  # it opened its connection
    sent = False  # any byte of the request itself, not of a proxy's CONNECT
    begun = False  # any byte of an answer came

    async def trace(self, event: str, told: dict[str, Any]) -> None:
        """Listen to httpcore (its extension `trace`)."""
        if event.endswith("send_request_headers.started") and told["request"].method == b"POST":
            self.sent, self.begun = True, False


CURRENT: ContextVar[Attempt] = ContextVar("CURRENT")


class Network(httpcore.AsyncNetworkBackend):
    """Opens connections to each of a host's addresses in its turn."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._known: dict[tuple[str, int], Addresses] = {}  # the service's, or its proxy's

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try the addresses within what is left of the delivery's time."""
        CURRENT.get().fresh = True
        addresses = await self._known.setdefault((host, port), Addresses(host, port)).in_turn()
        for left in range(len(addresses), 1, -1):
            # One that swallows packets must not use up the time of the others.
            share = None if timeout is None else timeout / left
            try:
                async with asyncio.timeout(share):
                    return await self._at(addresses[-left], port, local_address, socket_options)
            except (OSError, httpcore.ConnectError):
                continue
        return await self._at(addresses[-1], port, local_address, socket_options)

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
        return _noted(
            await self._inner.connect_tcp(
                address, port, local_address=local_address, socket_options=socket_options
            )
        )


class _Stream:
    """A connection as its inner one is, but that it takes note of bytes that come."""

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
        return _noted(await self._inner.start_tls(ssl_context, server_hostname, timeout))


def _noted(stream: httpcore.AsyncNetworkStream) -> httpcore.AsyncNetworkStream:
    return cast("httpcore.AsyncNetworkStream", _Stream(stream))
