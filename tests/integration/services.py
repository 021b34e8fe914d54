"""HTTP services that answer as scripted and record what they were sent."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final

from tests.integration.children import LOOPBACK
from tests.integration.exchanges import Answer, Event, read_request, send_reply
from tests.integration.waiting import PATIENCE_SECONDS, NeverHappened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.exchanges import Reply, Request
    from tests.integration.loop_thread import LoopThread

_MAX_HEAD_BYTES: Final = 256 * 1024
_SHOWN: Final = 20


class Service:
    """Records every request; a body may have a script of its own, the rest gets `otherwise`.

    `record` has what began and what was answered, in the order in which it happened.
    """

    def __init__(self, name: str, thread: LoopThread) -> None:
        self.name, self._thread = name, thread
        self.otherwise: Reply = Answer()
        self.record: list[Event] = []
        self._scripts: dict[str, list[Reply]] = {}
        self._requests: list[Request] = []
        self._answering: list[Request] = []
        self._news = threading.Condition()
        self._connections = 0
        self._conversations: set[asyncio.Task[Any]] = set()
        self._closed = False
        serving = asyncio.start_server(self._serve, LOOPBACK, 0, limit=_MAX_HEAD_BYTES)
        self._server = thread.run(serving)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://{LOOPBACK}:{port}/events"

    def on(self, body: str, *replies: Reply) -> None:
        """Answer deliveries of this body so, one after the other; the last one is repeated."""
        self._scripts[body] = list(replies)

    def seen(self, body: str | None = None) -> list[Request]:
        """Return the requests so far, in order of arrival; those with that body."""
        with self._news:
            return [each for each in self._requests if body is None or each.text == body]

    def wait_for(self, count: int, body: str | None = None) -> list[Request]:
        """Return the requests once there are so many; raises NeverHappened."""
        return self.wait_until(lambda seen: len(seen) >= count, f"{count} requests", body)

    def wait_until(
        self, enough: Callable[[list[Request]], bool], what: str, body: str | None = None
    ) -> list[Request]:
        """Return the requests once they are enough; raises NeverHappened."""
        with self._news:
            if not self._news.wait_for(lambda: enough(self.seen(body)), PATIENCE_SECONDS):
                shown = "\n".join(map(str, self._requests[-_SHOWN:]))
                raise NeverHappened(f"{self.name} waited for {what} of {body!r}; it saw:\n{shown}")
            return self.seen(body)

    def close(self) -> None:
        """Listen no more, and end every conversation: also one that waits for what never comes."""
        self._thread.run(self._close())

    async def _close(self) -> None:
        self._closed = True
        self._server.close()
        ending = list(self._conversations)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        try:
            if not self._closed:
                await self._converse(reader, writer, self._connections)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the gateway is done with this connection, or the tests are
        finally:
            writer.close()
            self._conversations.discard(task)

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        goes_on = True
        while goes_on:
            request = await read_request(reader, self.name, connection)
            reply = self._take(request)
            try:
                goes_on = await send_reply(reply, reader, writer)
                if isinstance(reply, Answer):
                    self.record.append(Event(request, reply.status))
            finally:
                self._answering.remove(request)

    def _take(self, request: Request) -> Reply:
        request.alongside.update(other.message_id for other in self._answering)
        self._answering.append(request)
        self.record.append(Event(request))
        with self._news:
            self._requests.append(request)
            self._news.notify_all()
        script = self._scripts.get(request.body.decode("utf-8", "replace"))
        if not script:
            return self.otherwise
        return script.pop(0) if len(script) > 1 else script[0]
