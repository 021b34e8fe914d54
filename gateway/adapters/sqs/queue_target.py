"""A target that is an SQS queue: a delivery is an entry of a SendMessageBatch.

Task tree of one target, under the task group of its owner:

    target -> watch queue (look up, depth), send to queue: one task for each batch
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from gateway.adapters.sqs.queue_calls import group_of
from gateway.adapters.sqs.queue_sending import QueueSender, QueueSending, SendBatch
from gateway.adapters.sqs.queue_watch import QueueWatch, Reports
from gateway.adapters.sqs.send_results import (
    MISSING_CODES,
    is_about_content,
    result_of_call,
    result_of_entry,
)
from gateway.aiokit.idle import IdleCounter
from gateway.aiokit.lazy_timer import LazyTimer
from gateway.core.delivery.disposition import Accepted, TimedOut, Unreachable
from gateway.core.events import ForwardedUnstamped, RouteWarned, VersionQueueDepth
from gateway.core.sqs_limits import MAX_BATCH_ENTRIES, MAX_MESSAGE_BYTES
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.adapters.sqs.queue_calls import QueueCalls
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.events import Event
    from gateway.core.routing.version import Version

LINGER_SECONDS: Final = 0.02
"""The longest that a batch waits for more messages."""

FIFO_LINGER_SECONDS: Final = 0.0
"""The next message of a group waits for the confirmation, so only those of one moment share."""

_LATE_SECONDS: Final = 1.0
"""By how much a call may outlast its messages' timeout, which then is what ends it."""


def _ignore(_identity: str) -> None:
    """Do nothing."""


class QueueTarget:
    """A Target over one queue (docs/reference/delivery.md, "Delivery to a queue").

    Nothing is sent but while :meth:`run` runs. Messages of all plans share batches, of at most ten
    entries and 1 MiB. On a FIFO queue one message of a group is under way at a time. `found` takes
    the identity of the queue, each time that it is looked up.
    """

    def __init__(
        self,
        version: Version,
        calls: QueueCalls,
        route: str,
        observe: Callable[[Event], None],
        found: Callable[[str], None] = _ignore,
    ) -> None:
        self._calls = calls
        self._queue = calls.address.text
        self._fifo = calls.address.fifo
        self._observe = observe
        self._labels = route, version.name
        about = f"version {version.name}: "
        self._watch = QueueWatch(
            calls,
            version.max_depth,
            Reports(
                warn=lambda what, then: observe(RouteWarned(route, about + what, then)),
                found=found,
                depth=self._report_depth,
            ),
        )
        # Nothing is to be waited for once all that may be in flight waits.
        at_once = version.least_in_flight or version.max_in_flight
        self._full = max(1, min(MAX_BATCH_ENTRIES, at_once))
        self._linger_seconds = FIFO_LINGER_SECONDS if self._fifo else LINGER_SECONDS
        self._waiting: list[QueueSending] = []
        self._waiting_bytes = 0
        self._timer = LazyTimer(self._flush)
        self._groups: dict[str, deque[QueueSending]] = {}  # under way, and what waits behind
        self._under_way = IdleCounter()
        self._closed = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._early: list[SendBatch] = []

    async def run(self) -> None:
        """Watch the queue and send to it, until closed and nothing is under way any more."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            watching = tasks.create_task(self._watch.run(), name=f"watch queue {self._queue}")
            for batch in self._early:
                self._start(batch, tasks)
            await self._closed.wait()
            self._flush()
            await self._under_way.wait()
            self._timer.cancel()
            watching.cancel()

    def _report_depth(self, messages: int | None) -> None:
        if not self._closed.is_set():  # else the version has another target by now, or is gone
            self._observe(VersionQueueDepth(*self._labels, messages))

    def bind(self, plan: DeliveryPlan) -> QueueSender:
        """Return what sends the messages of a plan."""
        return QueueSender(self, plan)

    async def close(self) -> None:
        """End :meth:`run` once what is under way is done."""
        self._closed.set()

    def send(self, sending: QueueSending) -> None:
        """Send with the next batch; on FIFO after what is under way of its group."""
        self._under_way.count += 1
        if self._fifo:
            behind = self._groups.get(group_of(sending.message))
            if behind is not None:
                behind.append(sending)
                return
            self._groups[group_of(sending.message)] = deque()
        self._put(sending)

    def cancel(self, sending: QueueSending) -> None:
        """Give a message up; a call without another message is cut."""
        sending.ended = True
        if sending.batch is not None:
            sending.batch.give_up()
            return
        if sending in self._waiting:
            self._waiting.remove(sending)
            self._waiting_bytes -= sending.size
        else:
            self._groups[group_of(sending.message)].remove(sending)
            self._leave(1)
            return
        self._done_with([sending])

    # ---- batches --------------------------------------------------------------------------

    def _put(self, sending: QueueSending) -> None:
        if self._waiting_bytes + sending.size > MAX_MESSAGE_BYTES:
            self._flush()
        waiting = self._waiting
        waiting.append(sending)
        self._waiting_bytes += sending.size
        if len(waiting) >= self._full:
            self._flush()
        elif len(waiting) == 1:
            self._timer.set(asyncio.get_running_loop().time() + self._linger_seconds)

    def _flush(self) -> None:
        """Send what waits."""
        if not self._waiting:
            return
        self._timer.clear()
        batch = SendBatch(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        if self._tasks is None:
            self._early.append(batch)
        else:
            self._start(batch, self._tasks)

    def _start(self, batch: SendBatch, tasks: asyncio.TaskGroup) -> None:
        delivering = self._deliver(batch)
        try:
            batch.task = tasks.create_task(delivering, name=f"send to queue {self._queue}")
        except RuntimeError:  # the task tree comes down by a crash: the leases do the rest
            delivering.close()
        else:
            batch.task.add_done_callback(lambda _: self._done_with(batch.sendings))

    def _done_with(self, sendings: Sequence[QueueSending]) -> None:
        """Let the next message of each group go."""
        if self._fifo:
            for sending in sendings:
                group = group_of(sending.message)
                behind = self._groups[group]
                if behind:
                    self._put(behind.popleft())
                else:
                    del self._groups[group]
        self._leave(len(sendings))

    def _leave(self, count: int) -> None:
        self._under_way.count -= count
        if self._under_way.awaited and not self._under_way.count:
            self._under_way.notify()

    # ---- one batch ------------------------------------------------------------------------

    async def _deliver(self, batch: SendBatch) -> None:
        """Send a batch, and tell each of its messages what came of it."""
        watch = self._watch
        looked = False
        try:
            async with asyncio.timeout_at(batch.deadline):
                await watch.looked()
                looked = True
                if watch.unusable:
                    batch.end_all(Unreachable(watch.unusable))
                elif sendings := batch.under_way():
                    await self._send(sendings)
        except TimeoutError:
            for sending in batch.under_way():
                why = f"queue {self._queue} could not be looked up in time"
                seconds = sending.plan.timeout_seconds
                sending.end(TimedOut(seconds) if looked else Unreachable(why))
        except Exception as error:  # noqa: BLE001 - a defect: each message must end all the same
            batch.end_all(error)

    async def _send(self, sendings: Sequence[QueueSending]) -> None:
        """Send; where SQS refuses a batch for one of its messages, each of them alone."""
        entries = [(each.message, each.attributes) for each in sendings]
        seconds = max(each.plan.timeout_seconds for each in sendings) + _LATE_SECONDS
        try:
            failed = await self._calls.send(entries, seconds)
        except SourceError as error:
            if len(sendings) > 1 and is_about_content(error.code):
                for each in sendings:
                    if not each.ended:
                        await self._send([each])
                return
            result = self._failure(error)
            for each in sendings:
                each.end(result)
            return
        for position, sending in enumerate(sendings):
            if position in failed:
                sending.end(result_of_entry(failed[position], self._queue))
            else:
                self._accepted(sending)

    def _failure(self, error: SourceError) -> DeliveryResult:
        result = result_of_call(error, self._queue)
        if error.code in MISSING_CODES:
            self._watch.lose(f"queue {self._queue}: {error}")
        return result

    def _accepted(self, sending: QueueSending) -> None:
        self._watch.confirmed()
        if not sending.stamped and not sending.ended:
            self._observe(ForwardedUnstamped(sending.plan.route, sending.plan.version))
        sending.end(_ACCEPTED)


_ACCEPTED: Final = Accepted()
