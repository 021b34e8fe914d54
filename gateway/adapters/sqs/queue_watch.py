"""Whether the queue of a version can take messages: it was found, and is not too full.

A queue that is given by name or ARN is looked up, again while it is missing. Where its URL was
given each send shows whether it is there.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Never

from gateway.aiokit.backoff import exponential_backoff
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.sqs.queue_calls import QueueCalls

DEPTH_SECONDS: Final = 10.0
"""Between two questions for the number of messages in a queue."""

DEPTH_RESPONSE_SECONDS: Final = 3.0
"""For the response: at the start messages wait for it, within their timeout."""

FIRST_BACKOFF_SECONDS: Final = 1.0
LAST_BACKOFF_SECONDS: Final = 30.0

_DEPTH: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
_DELAY: Final = "DelaySeconds"
_CHECK: Final = (
    "check that the queue exists in that account and region, and that the gateway may call"
    " sqs:GetQueueUrl and sqs:SendMessage on it"
)
_CHECK_DEPTH: Final = "check that the gateway may call sqs:GetQueueAttributes on it"
UNREADABLE: Final = (ValueError, TypeError, AttributeError)
"""What attributes of another shape than SQS's raise."""


class Reports(NamedTuple):
    """What is told of a queue.

    `warn` takes what is wrong and what to do; `found` the queue's identity, each time that it is
    looked up; `depth` each depth that SQS tells, and None while none is known: at the start, and
    once the queue is lost.
    """

    warn: Callable[[str, str], None]
    found: Callable[[str], None]
    depth: Callable[[int | None], None]


class QueueWatch:
    """Watches one queue while :meth:`run` does."""

    def __init__(self, calls: QueueCalls, max_depth: int | None, reports: Reports) -> None:
        self._calls = calls
        self._queue = calls.address.text
        self._max_depth = max_depth
        self._reports = reports
        self._looked = asyncio.Event()
        self._lost = asyncio.Event()
        self._missing = f"queue {self._queue} is not looked up yet"
        self._failures = 0
        self._warned = False
        self._depth: int | None = None
        self._depth_warned = False
        self._asks_delay = calls.address.fifo

    async def looked(self) -> None:
        """Return once the queue was looked for, and asked for its depth, for the first time."""
        await self._looked.wait()

    @property
    def unusable(self) -> str:
        """Why nothing can be sent to it; empty while it takes messages."""
        if self._missing:
            return self._missing
        depth, most = self._depth, self._max_depth
        if depth is not None and most is not None and depth > most:
            return f"queue {self._queue} holds {depth} messages, more than max_depth {most}"
        return ""

    def confirmed(self) -> None:
        """Note that the queue took messages."""
        self._failures = 0

    def lose(self, why: str) -> None:
        """Look the queue up anew: a send says that it does not exist."""
        if self._calls.address.url is None and not self._missing:
            self._missing = why
            self._failures += 1
            self._lost.set()
            if self._depth is not None:
                self._depth = None
                self._reports.depth(None)

    async def run(self) -> Never:
        """Watch until cancelled."""
        if self._max_depth is not None:
            self._reports.depth(None)  # the target before it may have told of another queue
        while True:
            if self._missing:
                await self._find()
            if not self._missing and self._max_depth is not None:
                await self._ask_depth()
            self._looked.set()
            if not self._missing and self._asks_delay:
                await self._ask_delay()
            await self._wait_for_next()

    async def _find(self) -> None:
        self._lost.clear()
        try:
            identity = await self._calls.find()
        except SourceError as error:
            self._failures += 1
            self._missing = f"queue {self._queue}: {error}"
            if not self._warned:
                self._warned = True
                self._reports.warn(f"queue {self._queue}: {error.why}", error.what_to_do or _CHECK)
        else:
            self._missing = ""
            self._warned = False
            self._reports.found(identity)

    async def _ask_depth(self) -> None:
        """Ask for the depth; while that fails the last response counts, and a warning says so."""
        try:
            async with asyncio.timeout(DEPTH_RESPONSE_SECONDS):
                attributes = await self._calls.attributes(*_DEPTH)
            self._depth = sum(int(attributes.get(name) or 0) for name in _DEPTH)
        except SourceError as error:
            self._depth_unknown(error.why, error.what_to_do)
        except TimeoutError:
            self._depth_unknown(f"no response within {DEPTH_RESPONSE_SECONDS:g} s", "")
        except UNREADABLE as error:
            self._depth_unknown(f"the response has no counts ({error!r})", "")
        else:
            self._depth_warned = False
            self._reports.depth(self._depth)

    def _depth_unknown(self, why: str, what_to_do: str) -> None:
        if not self._depth_warned:
            self._depth_warned = True
            counts = "room" if self._depth is None else f"{self._depth} messages"
            what = f"queue {self._queue} cannot be asked for its depth, which counts as {counts}"
            self._reports.warn(f"{what}: {why}", what_to_do or _CHECK_DEPTH)

    async def _ask_delay(self) -> None:
        """Warn of a delay that a send cannot override. Nothing else needs the permission to ask."""
        self._asks_delay = False
        with suppress(SourceError, *UNREADABLE):
            seconds = int((await self._calls.attributes(_DELAY)).get(_DELAY) or 0)
            if seconds:
                self._reports.warn(
                    f"queue {self._queue} delays each message by {seconds} s, and no message can"
                    " be sent to a FIFO queue without its delay",
                    "set DelaySeconds of the queue to 0, unless the delay is wanted",
                )

    async def _wait_for_next(self) -> None:
        """Wait for the next question or look-up; a queue that is lost ends the wait."""
        if not self._missing:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if self._max_depth is None else DEPTH_SECONDS):
                    await self._lost.wait()
        if self._missing:
            await asyncio.sleep(
                exponential_backoff(FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS, self._failures)
            )
