"""A pull consumer, as its team would write it: it polls its own queue and knows of no other."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from gateway.demo.services.chain import parse_order
from gateway.demo.services.queues import Queue, SqsFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from gateway.demo.services.chain import End, Hop

BACKOFF_SECONDS: Final = 1.0
"""After a failure, as long as the queue may not exist yet."""


class Consumer:
    """A service that takes its orders from a queue; it deletes those that it has handled.

    One that fails comes back after the queue's visibility timeout.
    """

    def __init__(self, service: Hop | End, queue: str, wait_seconds: int) -> None:
        self._service = service
        self._queue = Queue(queue)
        self._wait_seconds = wait_seconds
        self._stopping = asyncio.Event()

    def app(self) -> web.Application:
        """Return the service's application, which polls while it runs."""
        app = self._service.app()
        app.cleanup_ctx.append(self._queue.connected)
        app.cleanup_ctx.append(self._polling)
        return app

    async def _polling(self, _: web.Application) -> AsyncIterator[None]:
        poll = asyncio.ensure_future(self._poll())
        yield
        self._stopping.set()
        await poll  # a poll that is cancelled strands the messages that it was about to bring

    async def _poll(self) -> None:
        while not self._stopping.is_set():
            try:
                messages = await self._queue.receive(self._wait_seconds)
            except SqsFailure as error:
                print(f"cannot poll {self._queue.name}: {error}", file=sys.stderr)
                await self._back_off()
            else:
                await asyncio.gather(*map(self._handle, messages))

    async def _back_off(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(BACKOFF_SECONDS):
                await self._stopping.wait()

    async def _handle(self, message: Mapping[str, Any]) -> None:
        try:
            response = await self._service.handle(parse_order(message["Body"]), {})
            if response.status < HTTPStatus.BAD_REQUEST:
                await self._queue.delete(message)
                return
            why = f"{response.status} {response.text}"
        except (web.HTTPException, ValueError, *SqsFailure) as error:
            why = getattr(error, "text", None) or str(error)
        print(f"cannot handle {message['MessageId']}: {why}", file=sys.stderr)
