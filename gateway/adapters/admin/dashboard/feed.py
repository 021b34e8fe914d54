"""`GET /api/events`: server-sent events, one frame a second, encoded once for all who read.

https://html.spec.whatwg.org/multipage/server-sent-events.html

While no dashboard is open there is no timer, and nothing watches the decisions. A reader that is
slow misses frames, and one that takes nothing is cut off: neither holds up the others.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from aiohttp import hdrs, web

if TYPE_CHECKING:
    from gateway.adapters.admin.dashboard.decisions import DecisionLog
    from gateway.adapters.admin.dashboard.frame import Frames
    from gateway.ports import RouteStates

FRAME_SECONDS: Final = 1.0
COMMENT_FRAMES: Final = 15
"""A comment comes with every 15th frame, so that no proxy takes a quiet stream for a dead one."""

WRITE_SECONDS: Final = 10.0
"""How long one write may wait for a reader that takes nothing."""

MOST_STREAMS: Final = 64
RETRY: Final = b"retry: 2000\n\n"
COMMENT: Final = b": alive\n\n"
TOO_MANY: Final = f"{MOST_STREAMS} dashboards are open already; close one\n"
HEADERS: Final = {
    hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",
}


class Reader:
    """One open stream: the newest frame that was not written to it yet."""

    __slots__ = ("frame", "news")

    def __init__(self) -> None:
        self.frame = b""
        self.news = asyncio.Event()

    def offer(self, frame: bytes) -> None:
        """Take the place of a frame that is not written yet."""
        self.frame = frame
        self.news.set()


class Feed:
    """Serves the streams until :meth:`close`."""

    def __init__(self, frames: Frames, states: RouteStates, log: DecisionLog) -> None:
        self._frames = frames
        self._states = states
        self._log = log
        self._readers: set[Reader] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._number = 0
        self._last = b""
        self._failed = False
        self._closed = False

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Respond with the stream; it ends when the reader or the gateway does."""
        if len(self._readers) >= MOST_STREAMS:
            return web.Response(text=TOO_MANY, status=503, headers={hdrs.RETRY_AFTER: "10"})
        response = web.StreamResponse(headers=HEADERS)
        if request.method == hdrs.METH_HEAD:
            await response.prepare(request)
            return response
        reader = Reader()
        self._open(reader)
        try:
            await response.prepare(request)
            await self._write(request, response, reader)
        finally:
            self._leave(reader)
        return response

    def close(self) -> None:
        """End every stream, and let no other one begin."""
        self._closed = True
        self._rest()
        for reader in self._readers:
            reader.news.set()

    async def _write(
        self, request: web.Request, response: web.StreamResponse, reader: Reader
    ) -> None:
        reader.frame = RETRY + _event(self._frames.history(), b"event: history\n") + self._last
        while not self._closed:
            frame, reader.frame = reader.frame, b""
            reader.news.clear()
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await response.write(frame)
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
                return
            except ConnectionError:
                return
            await reader.news.wait()

    def _open(self, reader: Reader) -> None:
        self._readers.add(reader)
        if self._timer is None and not self._closed:
            self._states.watch(self._log.note)
            self._tick()

    def _leave(self, reader: Reader) -> None:
        self._readers.discard(reader)
        if not self._readers:
            self._rest()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._states.watch(None)
            self._frames.forget()
            self._last = b""

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(FRAME_SECONDS, self._tick)
        self._number += 1
        try:
            frame = _event(self._frames.next(), b"id: %d\n" % self._number)
        except Exception:  # noqa: BLE001 - the log gets the trace, once; the next second may be better
            if not self._failed:
                structlog.stdlib.get_logger("gateway.admin").exception("no frame for dashboards")
            self._failed = True
            return
        self._failed = False
        self._last = frame
        if self._number % COMMENT_FRAMES == 0:
            frame = COMMENT + frame
        for reader in self._readers:
            reader.offer(frame)


def _event(content: dict[str, Any], head: bytes) -> bytes:
    try:
        text = orjson.dumps(content)
    except TypeError:  # a text that is no Unicode: half of a surrogate pair
        text = json.dumps(content).encode("ascii")
    return b"%sdata: %s\n\n" % (head, text)
