"""A steady load: orders in batches of 10 at a given rate, until it is stopped."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

import aiohttp

from gateway.demo.processes import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.demo.embedded_sqs import EmbeddedQueue

BATCH: Final = 10
ON_THEIR_WAY: Final = 1_000
"""The most orders that have not been processed: emulators slow down with the depth of a queue."""

MOST: Final = 100_000
"""An end for a load that nothing stops."""


class SteadyLoad:
    """Sends `rate` orders a second; `processed` says how many of them have been processed."""

    def __init__(self, queue: EmbeddedQueue, rate: int, processed: Callable[[], int]) -> None:
        self.sent = 0
        self._queue = queue
        self._rate = rate
        self._processed = processed
        self._stopping = False

    def stop(self) -> None:
        """Send nothing more after the batch under way."""
        self._stopping = True

    async def run(self) -> None:
        """Send until stopped; raises DemoError where SQS does not accept an order."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while not self._stopping and self.sent < MOST:
            if self.sent - self._processed() < ON_THEIR_WAY:
                await self._send()
            due = max(due + BATCH / self._rate, clock() - 1.0)
            await asyncio.sleep(max(0.0, due - clock()))

    async def _send(self) -> None:
        numbers = range(self.sent + 1, self.sent + BATCH + 1)
        try:
            await self._queue.send([json.dumps({"order": f"order-{n}"}) for n in numbers])
        except aiohttp.ClientError as error:
            raise DemoError(f"SQS did not take {BATCH} orders: {error}") from error
        self.sent += BATCH
