"""An SQS that responds as a test says, byte by byte, in the test's own event loop."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.listening import listening

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Sequence

QUEUE_FOUND = {"Attributes": {"VisibilityTimeout": "30"}}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; `connection` counts the connections, `nth` the requests on each from 1 on."""

    target: str
    headers: dict[str, str]
    body: Any
    raw: bytes
    connection: int
    nth: int


Reply = bytes | None
"""What is sent; None closes the connection."""


def response(body: Any, status: str = "200 OK", **headers: str) -> bytes:
    """Return a response as SQS gives it; a body that is not bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


class Script:
    """What it was asked, and how it responds; GetQueueAttributes always gets a valid response.

    An operation named by `silent_on` gets no response, and sets `silent`.
    """

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.forget()

    def forget(self) -> None:
        """Begin another test."""
        self.asked: list[Asked] = []
        self.hung_up, self.silent = asyncio.Event(), asyncio.Event()
        self.silent_on = ""
        self.reply: Callable[[Asked], Reply | Sequence[Reply]] = lambda _: response({})

    def calls(self, target: str) -> list[Asked]:
        return [each for each in self.asked if each.target == target]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection, nth = self.connections, 0
        try:
            while True:
                nth += 1
                asked = await _request(reader, connection, nth)
                self.asked.append(asked)
                if asked.target == self.silent_on:
                    self.silent.set()
                    await reader.read()
                    return
                if not await self._responded(asked, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.hung_up.set()
            writer.close()

    async def _responded(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        fixed = asked.target == "GetQueueAttributes"
        reply = response(QUEUE_FOUND, connection="close") if fixed else self.reply(asked)
        for piece in [reply] if reply is None or isinstance(reply, bytes) else reply:
            if piece is None:
                return False
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return True


async def _request(reader: asyncio.StreamReader, connection: int, nth: int) -> Asked:
    head = await reader.readuntil(b"\r\n\r\n")
    pairs = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:-2])
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers["content-length"]))
    target = re.sub(r"^AmazonSQS\.", "", headers["x-amz-target"])
    return Asked(target, headers, json.loads(body), head + body, connection, nth)


@asynccontextmanager
async def scripted(tls: ssl.SSLContext | None = None) -> AsyncIterator[Script]:
    """Serve in the running event loop."""
    script = Script()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    script.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    async with listening(server):
        yield script
