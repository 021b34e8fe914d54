"""A service that behaves by its mood, records deliveries, and may refuse connections."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Final, cast

import httptools

from tools.chaos import responses
from tools.chaos.deliveries import Delivery
from tools.chaos.responses import Act

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tools.chaos.deliveries import Deliveries
    from tools.chaos.responses import Mood

LOOPBACK: Final = "127.0.0.1"
POISON: Final = b'"poison": true'
"""A body with this gets a 4xx in every mood."""
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Service:
    """Listens on one port; `mood` may change at any time."""

    def __init__(
        self,
        name: str,
        deliveries: Deliveries,
        random: Random,
        clock: Callable[[], float],
        mood: Mood,
    ) -> None:
        self.name, self.mood = name, mood
        self.deliveries, self.random, self.clock = deliveries, random, clock
        self.conversations: set[Conversation] = set()
        self._server: asyncio.Server | None = None
        # Bound, but never listening: it reserves the port while connections are refused.
        self._claim = _bound(0)
        self._port: int = self._claim.getsockname()[1]
        self.url = f"http://{LOOPBACK}:{self._port}/events"

    async def accept(self) -> None:
        """Take connections."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            listener = _bound(self._port)
            self._server = await loop.create_server(lambda: Conversation(self), sock=listener)

    def refuse(self) -> None:
        """Refuse connections and break those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for conversation in list(self.conversations):
            conversation.reset()

    def close(self) -> None:
        """Close for good."""
        self.refuse()
        self._claim.close()


class Conversation(asyncio.Protocol):
    """One connection: one delivery at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._delivery: Delivery | None = None
        self._act = Act.PROMPT
        self._timer: asyncio.TimerHandle | None = None
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._service.conversations.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._service.conversations.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._end()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.reset()

    def reset(self) -> None:
        """Break the connection with a reset."""
        self._end()
        if self._transport is not None:
            connection: socket.socket = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()

    def on_message_begin(self) -> None:
        self._message_id, self._body = "", b""
        self._group: str | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        folded = name.lower()
        if folded == b"x-aws-sqsd-msgid":
            self._message_id = value.decode("latin-1")
        elif folded == b"message-group-id":
            self._group = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        service = self._service
        self._act = service.mood.act(service.random)
        self._delivery = Delivery(
            self._message_id, service.name, self._group, service.clock(), self._act.value
        )
        service.deliveries.begin(self._delivery)
        if self._act is Act.RESET_BEFORE:
            self.reset()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._delivery is None:
            return  # reset before it was read
        if POISON in self._body:
            self._act = Act.REJECT
            self._delivery.response = self._act.value
        self._respond(self._act, self._service.random)

    def _respond(self, act: Act, random: Random) -> None:
        match act:
            case Act.PROMPT if random.random() < 0.1:
                self._acknowledge(responses.ACK_AND_CLOSE, closes=True)
            case Act.PROMPT:
                self._acknowledge(responses.ack(random))
            case Act.LATE:
                seconds = random.uniform(*responses.LATE_SECONDS)
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(seconds, self._acknowledge, responses.ack(random))
            case Act.NEVER:
                pass
            case Act.HALF:
                self._write(random.choice(responses.HALVES), closes=random.random() < 0.8)
            case Act.GARBAGE:
                self._write(random.choice(responses.GARBAGE), closes=True)
            case Act.RESET_BEFORE | Act.RESET_AFTER:
                self.reset()
            case _:
                self._write(responses.refusal(act, random))
                self._end()

    def _acknowledge(self, response: bytes, *, closes: bool = False) -> None:
        """Write a 2xx; it counts once all of it is written."""
        if self._transport is None or self._delivery is None or self._transport.is_closing():
            return
        now = self._service.clock()
        self._transport.write(response)
        if not self._transport.is_closing() and not self._transport.get_write_buffer_size():
            self._delivery.acked_at = now
        self._end()
        if closes:
            self._transport.close()

    def _write(self, response: bytes, *, closes: bool = False) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(response)
            if closes:
                self._end()
                self._transport.close()

    def _end(self) -> None:
        if self._delivery is not None:
            self._delivery.ended_at = self._service.clock()
            self._delivery = None


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((LOOPBACK, port))
    return bound
