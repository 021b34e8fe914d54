"""The services of the bench: answers 204 to everything and counts what arrived, and how late.

`POST /stable` and `POST /canary` are deliveries; `/_summary` and `/_reset` are the bench's own.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httptools
import uvloop

NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
STAMP: Final = b'{"sent_at":'
STAMP_LENGTH: Final = len(b"1700000000.000000")


@dataclass(slots=True)
class Arrivals:
    """What arrived so far."""

    paths: Counter[bytes] = field(default_factory=Counter)
    pinned: int = 0
    ids: set[bytes] = field(default_factory=set)
    doubled: int = 0
    ages_ms: list[float] = field(default_factory=list)

    def note(self, path: bytes, message_id: bytes, body: bytes, *, pinned: bool) -> None:
        """Take note of one delivery; a body that starts with a stamp tells its age."""
        self.paths[path] += 1
        self.pinned += pinned
        if message_id in self.ids:
            self.doubled += 1
        self.ids.add(message_id)
        if body.startswith(STAMP):
            sent_at = float(body[len(STAMP) : len(STAMP) + STAMP_LENGTH])
            self.ages_ms.append((time.time() - sent_at) * 1000)

    def clear(self) -> None:
        """Forget all."""
        self.paths.clear()
        self.ids.clear()
        self.ages_ms.clear()
        self.pinned = self.doubled = 0

    def summary(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "by_path": {path.decode().strip("/"): count for path, count in self.paths.items()},
            "distinct": len(self.ids),
            "doubled": self.doubled,
            "pinned": self.pinned,
            "ages_ms": sorted(self.ages_ms),
        }


class Service(asyncio.Protocol):
    """One connection."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path = self._message_id = self._body = b""
        self._pinned = False

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        folded = name.lower()
        if folded == b"x-aws-sqsd-msgid":
            self._message_id = value
        elif folded == b"x-gateway-reason":
            self._pinned = value == b"pinned"

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        assert self._transport is not None
        if self._path.startswith(b"/_"):
            self._transport.write(self._control())
            return
        self._arrivals.note(self._path, self._message_id, self._body, pinned=self._pinned)
        self._transport.write(NO_CONTENT)

    def _control(self) -> bytes:
        if self._path == b"/_reset":
            self._arrivals.clear()
        body = json.dumps(self._arrivals.summary()).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


async def serve() -> None:
    """Serve on a free port until SIGTERM."""
    arrivals = Arrivals()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: Service(arrivals), "127.0.0.1", 0)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
