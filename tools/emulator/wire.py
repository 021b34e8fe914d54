"""HTTP/1.1 for the emulator: one request at a time on each connection, kept alive."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import httptools

from tools.emulator import control

if TYPE_CHECKING:
    from tools.emulator.app import Emulator, Response
    from tools.emulator.polls import Poll

_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_CLOSE: Final = "Connection: close\r\n"
_request_numbers = itertools.count(1)


class Request(NamedTuple):
    """One complete request."""

    method: str
    path: str
    target: str
    host: str
    authorization: str
    body: bytes
    keep_alive: bool


class Connection(asyncio.Protocol):
    """Reads requests with httptools, runs them one after the other, cancels a poll when closed."""

    def __init__(self, emulator: Emulator, open_connections: set[asyncio.Transport]) -> None:
        self._emulator = emulator
        self._open_connections = open_connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._poll: Poll | None = None
        self._running = False
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # not a subclass in uvloop
        self._open_connections.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._open_connections.discard(self._transport)
        self._transport = None
        if self._poll is not None:
            self._poll.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._close()

    def on_message_begin(self) -> None:
        self._path = self._target = self._host = self._authorization = ""
        self._body = b""

    def on_url(self, url: bytes) -> None:
        self._path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        folded = name.lower()
        if folded == b"x-amz-target":
            self._target = value.decode("latin-1")
        elif folded == b"host":
            self._host = value.decode("latin-1")
        elif folded == b"authorization":
            self._authorization = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1")
        keep_alive = self._parser.should_keep_alive()
        head = (method, self._path, self._target, self._host, self._authorization)
        self._waiting.append(Request(*head, self._body, keep_alive))
        self._run_all()

    def _run_all(self) -> None:
        """Run waiting requests, as long as each is responded to at once."""
        while self._waiting and self._current is None:
            self._current = self._waiting.popleft()
            self._running = True
            self._poll = self._run(self._current)
            self._running = False

    def _run(self, request: Request) -> Poll | None:
        if request.target:
            operation = request.target.rpartition(".")[2]
            base_url = f"http://{request.host}"
            return self._emulator.submit(
                operation, request.body, base_url, self._reply, request.authorization
            )
        self._reply(control.respond(self._emulator, request.method, request.path, request.body))
        return None

    def _reply(self, response: Response | None) -> None:
        request, self._current = self._current, None
        if self._transport is None or request is None:
            return
        if response is None:
            self._transport.abort()
            return
        sent = response.body if response.breaks_at is None else response.body[: response.breaks_at]
        self._transport.write(_head(response, keep_alive=request.keep_alive) + sent)
        if not request.keep_alive or response.breaks_at is not None:
            self._close()
        elif not self._running:
            self._run_all()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _head(response: Response, *, keep_alive: bool) -> bytes:
    error = f"x-amzn-query-error: {response.query_error}\r\n" if response.query_error else ""
    return (
        f"HTTP/1.1 {response.status} {_REASONS[response.status]}\r\n"
        f"x-amzn-RequestId: 00000000-0000-0000-0000-{next(_request_numbers):012x}\r\n"
        "Content-Type: application/x-amz-json-1.0\r\n"
        f"{error}{'' if keep_alive else _CLOSE}"
        f"Content-Length: {len(response.body)}\r\n\r\n"
    ).encode("latin-1")
