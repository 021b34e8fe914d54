"""Records on their way to the topic of a version."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from gateway.aiokit.lazy_timer import LazyTimer
from gateway.core.delivery.disposition import TimedOut
from gateway.core.delivery.forwarded_record import forward_headers, in_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.messages.message import Message
    from gateway.core.messages.record import Headers, Record
    from gateway.core.messages.trace_context import TraceContext


class Sends(Protocol):
    """What sends records: a topic target."""

    def send(self, sending: TopicSending, record: Record, headers: Headers) -> None:
        """Send with the next batch."""


class TopicSending:
    """A `Sending`: one record on its way. `deadline` is on the loop's clock."""

    __slots__ = ("_done", "deadline", "ended")

    def __init__(self, deadline: float, done: Callable[[DeliveryResult], None]) -> None:
        self._done = done
        self.deadline = deadline
        self.ended = False

    @property
    def begun(self) -> bool:
        """Whether the client may have sent it."""
        return True

    def cancel(self) -> None:
        """Give up: `done` is not called. What the client has may still reach the topic."""
        self.ended = True

    def end(self, result: DeliveryResult) -> None:
        """Call `done`, the first time."""
        if not self.ended:
            self.ended = True
            self._done(result)


class TopicSender:
    """A `ContextSender`: delivers the messages of one plan to a topic."""

    def __init__(self, target: Sends, plan: DeliveryPlan) -> None:
        self._target = target
        self._plan = plan
        self._clock = asyncio.get_running_loop().time
        self._under_way: deque[TopicSending] = deque()  # in order of their deadlines
        self._timer = LazyTimer(self._time_out)

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> TopicSending:
        """Deliver once, within the plan's timeout."""
        return self._send(message, self._headers(message), done)

    def send_in(
        self, message: Message, context: TraceContext, done: Callable[[DeliveryResult], None]
    ) -> TopicSending:
        """Deliver as `send` does, in another trace context."""
        return self._send(message, in_context(self._headers(message), context), done)

    def _headers(self, message: Message) -> Headers:
        plan = self._plan
        return forward_headers(_record(message), plan.tag, plan.dialect.version_header)

    def _send(
        self, message: Message, headers: Headers, done: Callable[[DeliveryResult], None]
    ) -> TopicSending:
        sending = TopicSending(self._clock() + self._plan.timeout_seconds, done)
        under_way = self._under_way
        while under_way and under_way[0].ended:
            under_way.popleft()
        if not under_way:
            self._timer.set(sending.deadline)
        under_way.append(sending)
        self._target.send(sending, _record(message), headers)
        return sending

    def _time_out(self) -> None:
        """End what is overdue; the client may still send it, as a service may do its work."""
        now, under_way = self._clock(), self._under_way
        result = TimedOut(self._plan.timeout_seconds)
        while under_way and (under_way[0].ended or under_way[0].deadline <= now):
            under_way.popleft().end(result)
        if under_way:
            self._timer.set(under_way[0].deadline)


def _record(message: Message) -> Record:
    if message.record is None:
        raise ValueError(f"message {message.message_id} is of no record")
    return message.record
