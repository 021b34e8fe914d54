"""One port for all services: the path says the version and the gateway that delivers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

import httptools

from tools.chaos.kafka.arrivals import Arrival, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.chaos.kafka.arrivals import Arrivals

_OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Services:
    """Answers each delivery after `seconds(version)`; None is never."""

    def __init__(self, arrivals: Arrivals, seconds: Callable[[str], float | None]) -> None:
        self.arrivals, self.seconds = arrivals, seconds
        self.conversations: set[_Conversation] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen; return the URL before the path."""
        loop = asyncio.get_running_loop()
        server = self._server = await loop.create_server(
            lambda: _Conversation(self), "127.0.0.1", 0, backlog=4096
        )
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def go_on(self) -> None:
        """Answer all that hang."""
        for each in list(self.conversations):
            each.answer()

    def close(self) -> None:
        """Listen no more, and end all conversations."""
        if self._server is not None:
            self._server.close()
        for each in list(self.conversations):
            each.transport.abort()


class _Conversation(asyncio.Protocol):
    """One connection: one delivery at a time."""

    transport: asyncio.Transport

    def __init__(self, services: Services) -> None:
        self._services = services
        self._parser = httptools.HttpRequestParser(self)
        self._arrival: Arrival | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._services.conversations.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._services.conversations.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._arrival is not None:
            self._services.arrivals.end(self._arrival)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path = b""
        self._headers: dict[bytes, bytes] = {}

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_message_complete(self) -> None:
        loop = asyncio.get_running_loop()
        _, version, gateway = self._path.decode().split("/")
        headers = self._headers
        place = Place(int(headers[b"x-kafka-partition"]), int(headers[b"x-kafka-offset"]))
        key = headers[b"x-kafka-key"].decode()
        self._arrival = Arrival(loop.time(), place, key, version, gateway)
        self._services.arrivals.begin(self._arrival)
        seconds = self._services.seconds(version)
        if seconds is not None:
            self._timer = loop.call_later(seconds, self.answer)

    def answer(self) -> None:
        """Answer with 200 what is open."""
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            self._services.arrivals.answer(arrival)
            self._services.arrivals.end(arrival)
            self.transport.write(_OK)
