"""Raw HTTP services on loopback: a script says which bytes each connection gets, and when."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.listening import stop_listening

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

    Script = Callable[["Visit"], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Request:
    """A request as it was on the wire; `connection` counts accepted connections from 1."""

    connection: int
    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


class ClientLeftError(Exception):
    """The client closed the connection, so its script is over."""


@dataclass
class Service:
    """What a service has seen so far."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """A request has arrived in full."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """A script found its connection closed by the client."""
    stop_listening: Callable[[], None] = lambda: None


class Visit:
    """One connection, seen from the service."""

    def __init__(
        self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        service.connections += 1
        self.number = service.connections
        self.service = service
        self._reader = reader
        self._writer = writer

    async def head(self) -> tuple[str, list[tuple[str, str]]]:
        """Read a request up to its body."""
        try:
            raw = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            raise ClientLeftError from None
        line, *headers = raw.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        return line, [(name, value) for name, _, value in (h.partition(": ") for h in headers)]

    async def request(self) -> Request:
        """Read a whole request and take note of it."""
        line, headers = await self.head()
        length = next(int(value) for name, value in headers if name == "content-length")
        try:
            body = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise ClientLeftError from None
        request = Request(self.number, line, headers, body)
        self.service.requests.append(request)
        self.service.arrived.set()
        return request

    async def send(self, *pieces: bytes) -> None:
        """Send each piece on its own, the next one when the client may have seen the last."""
        for piece in pieces:
            if self._writer.is_closing():  # a write to it is a RuntimeError with uvloop
                raise ClientLeftError
            try:
                self._writer.write(piece)
                await self._writer.drain()
            except ConnectionError:
                raise ClientLeftError from None
            for _ in range(3 if len(pieces) > 1 else 0):  # both ends share this loop
                await asyncio.sleep(0)

    async def gone(self) -> None:
        """Wait until the client closes."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(65536):
                pass
        raise ClientLeftError

    def reset(self) -> None:
        """Close with a reset instead of an orderly end."""
        linger = struct.pack("ii", 1, 0)
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()


def responding(*pieces: bytes) -> Script:
    """Respond to every request with these bytes, for as long as the client stays."""

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.send(*pieces)

    return script


def responding_once(*pieces: bytes) -> Script:
    """Respond to one request with these bytes, then close."""

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(*pieces)

    return script


async def silent(visit: Visit) -> None:
    """Take a request and never respond."""
    await visit.request()
    await visit.gone()


@contextlib.asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """Run a script for each connection; what goes wrong in one fails the test at the end."""
    service = Service()
    tasks: list[asyncio.Task[None]] = []
    transports: list[asyncio.WriteTransport] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transports.append(writer.transport)
        tasks.append(asyncio.create_task(visit(reader, writer)))

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(Visit(service, reader, writer))
            if tls is None:
                writer.close()  # after what is still to be sent
        except ClientLeftError:
            service.left.set()
        finally:
            if not writer.is_closing():
                writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    service.stop_listening = server.close
    service.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/events"
    try:
        yield service
    finally:
        await stop_listening(server)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        _abort(transports)
        await server.wait_closed()
        await asyncio.sleep(0)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def _abort(transports: Iterable[asyncio.WriteTransport]) -> None:
    """Close what a visit that was cancelled before it began has left open."""
    for transport in transports:
        if not transport.is_closing():
            transport.abort()


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """Yield a URL whose port is bound but not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/events"


@contextlib.contextmanager
def unaccepting() -> Iterator[str]:
    """Yield a URL whose port accepts no connection: its queue of new ones is full."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/events"
