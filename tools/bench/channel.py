"""A minimal HTTP client: one connection, one request at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

if TYPE_CHECKING:
    from collections.abc import Mapping


class Channel(asyncio.Protocol):
    """A keep-alive connection to a service on this machine."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._response: asyncio.Future[tuple[int, bytes]] | None = None
        self._body = b""

    @classmethod
    async def open(cls, port: int) -> Channel:
        """Connect."""
        _, channel = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return channel

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send, and return status and body of the response."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        lines += f"content-length: {len(body)}\r\n"
        head = f"{method} {path} HTTP/1.1\r\nhost: bench\r\n{lines}\r\n"
        return await self.raw(head.encode() + body)

    async def raw(self, request: bytes) -> tuple[int, bytes]:
        """Send a request in bytes."""
        return await self.start(request)

    def start(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Send it and return a future of the response."""
        if self._transport is None:
            raise ConnectionError("the connection is closed")
        self._response = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._response

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._response is not None and not self._response.done():
            self._response.set_exception(exc or ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._response is not None and not self._response.done():
            self._response.set_result((self._parser.get_status_code(), self._body))
