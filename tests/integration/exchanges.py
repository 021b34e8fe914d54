"""What a service was sent, byte for byte, and what it may answer."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.loop_thread import Gate

_NO_CONTENT: Final = 204
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, once its gate is open; `connection: close` is obeyed.

    `seconds` is how long the service works on it.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    gate: Gate | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Raw:
    """These bytes, and then the connection is closed."""

    sent: bytes = b""


@dataclass(frozen=True)
class Reset:
    """The connection is reset without an answer."""


@dataclass(frozen=True)
class Silence:
    """These bytes at most, until the other side gives up."""

    sent: bytes = b""


Reply = Answer | Raw | Reset | Silence


@dataclass(frozen=True, eq=False)
class Request:
    """One request as it came; `alongside` are the message ids that were being answered then."""

    service: str
    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int
    alongside: set[str] = field(default_factory=set)
    arrived_at: float = field(default_factory=time.time)

    def get(self, name: str) -> str | None:
        """Return the one header of that name; fails where there are two."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) < 2, f"{name} is there {len(found)} times: {found}"
        return found[0] if found else None

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        assert value is not None, f"no header {name} in {self.headers}"
        return value

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def message_id(self) -> str:
        """Which message it delivers."""
        if self.get("x-kafka-topic") is None:
            return self["x-aws-sqsd-msgid"]
        return "/".join(self[f"x-kafka-{each}"] for each in ("topic", "partition", "offset"))

    @property
    def receive_count(self) -> int:
        """Which receive of its message it comes from."""
        return int(self["x-aws-sqsd-receive-count"])


class Event(NamedTuple):
    """A request began, or was answered with a status."""

    request: Request
    status: int | None = None


async def read_request(reader: asyncio.StreamReader, service: str, connection: int) -> Request:
    """Read one request; raises IncompleteReadError where the connection ends instead."""
    head = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1")
    line, *lines = head.split("\r\n")
    fields = [field.partition(":") for field in lines]
    headers = tuple((name, value.strip(" \t")) for name, _, value in fields)
    lengths = [int(value) for name, value in headers if name.lower() == "content-length"]
    body = await reader.readexactly(lengths[0] if lengths else 0)
    return Request(service, line, headers, body, connection)


async def send_reply(
    reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Send it; return whether the connection goes on."""
    match reply:
        case Answer():
            if reply.gate is not None:
                await reply.gate.passed()
            await asyncio.sleep(reply.seconds)
            writer.write(_answer(reply))
            await writer.drain()
            return reply.headers.get("connection") != "close"
        case Raw(sent):
            writer.write(sent)
            await writer.drain()
        case Reset():
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        case Silence(sent):
            writer.write(sent)
            await reader.read()
        case _:
            assert_never(reply)
    return False


def _answer(answer: Answer) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    length = "" if answer.status == _NO_CONTENT else "content-length: 0\r\n"
    return f"HTTP/1.1 {answer.status} X\r\n{fields}{length}\r\n".encode("latin-1")
