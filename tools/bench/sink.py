"""The services of the benchmark: count what arrived, and how late.

`POST /stable`, `POST /canary` and the like are deliveries and get a 204: at once, after 200 ms at
`/slow/...`, after N ms at `/after-N/...`, never at `/never/...`; `/shed/...` gets a 503 with
Retry-After. `/_summary`, `/_counts` (without the ages) and `/_reset` are for the benchmark. A
message is known by its header `x-aws-sqsd-msgid`, or by the `id` that its body begins with. sink.c
does the same at less cost.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httptools
import uvloop

NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
SHED: Final = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
SLOW_SECONDS: Final = 0.2
STAMP: Final = b'{"sent_at":'
STAMP_LENGTH: Final = len(b"1700000000.000000")
HEAD_OF_BODY: Final = 64
_NUMBER: Final = re.compile(rb'"id":"(.{12})')


@dataclass(slots=True)
class Arrivals:
    """What arrived so far; `connections` are those that are open at the moment."""

    connections: int = 0
    paths: Counter[bytes] = field(default_factory=Counter)
    reasons: Counter[bytes] = field(default_factory=Counter)
    ids: set[bytes] = field(default_factory=set)
    doubled: int = 0
    ages_ms: list[float] = field(default_factory=list)

    def count(self, path: bytes, message_id: bytes, body: bytes, reason: bytes = b"") -> None:
        """Count one delivery with a 2xx; a body that starts with a stamp shows its age.

        More than one for a message counts as doubled.
        """
        self.paths[path] += 1
        self.reasons[reason] += 1
        if not message_id and (number := _NUMBER.search(body, 0, HEAD_OF_BODY)):
            message_id = number[1]
        if message_id in self.ids:
            self.doubled += 1
        self.ids.add(message_id)
        if body.startswith(STAMP):
            sent_at = float(body[len(STAMP) : len(STAMP) + STAMP_LENGTH])
            self.ages_ms.append((time.time() - sent_at) * 1000)

    def clear(self) -> None:
        """Forget everything."""
        self.paths.clear()
        self.reasons.clear()
        self.ids.clear()
        self.ages_ms.clear()
        self.doubled = 0

    def summary(self, *, with_ages: bool = True) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "by_path": {path.decode().strip("/"): count for path, count in self.paths.items()},
            "distinct": len(self.ids),
            "doubled": self.doubled,
            "by_reason": {reason.decode(): count for reason, count in self.reasons.items()},
            "ages_ms": sorted(self.ages_ms) if with_ages else [],
            "connections": self.connections,
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
        self._arrivals.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrivals.connections -= 1

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path = self._message_id = self._reason = self._start = b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        folded = name.lower()
        if folded == b"x-aws-sqsd-msgid":
            self._message_id = value
        elif folded == b"x-gateway-reason":
            self._reason = value

    def on_body(self, body: bytes) -> None:
        if not self._start:
            self._start = body[:HEAD_OF_BODY]

    def on_message_complete(self) -> None:
        if self._path.startswith(b"/_"):
            self._write(self._control())
        elif self._path.startswith(b"/shed/"):
            self._arrivals.paths[self._path] += 1
            self._write(SHED)
        elif self._path.startswith(b"/never/"):
            self._arrivals.paths[self._path] += 1
        else:
            self._arrivals.count(self._path, self._message_id, self._start, self._reason)
            self._accept()

    def _accept(self) -> None:
        seconds = SLOW_SECONDS if self._path.startswith(b"/slow/") else 0.0
        if self._path.startswith(b"/after-"):
            seconds = int(self._path[7 : self._path.index(b"/", 1)]) / 1000
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._write, NO_CONTENT)
        else:
            self._write(NO_CONTENT)

    def _write(self, response: bytes) -> None:
        assert self._transport is not None
        self._transport.write(response)

    def _control(self) -> bytes:
        if self._path == b"/_reset":
            self._arrivals.clear()
        with_ages = self._path != b"/_counts"
        body = json.dumps(self._arrivals.summary(with_ages=with_ages)).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


async def serve() -> None:
    """Serve on a free port until SIGTERM or SIGINT."""
    arrivals = Arrivals()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Service(arrivals), "127.0.0.1", 0)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
