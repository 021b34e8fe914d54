"""Measures the deliveries of a version whose limit in flight finds itself.

Only such a version has its target wrapped: with a number nothing of this is on a message's road.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from gateway.core.delivery.concurrency import FIRST_LIMIT, ConcurrencyLimit
from gateway.core.delivery.disposition import Broken, Responded, TimedOut, Unreachable, is_ack

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.messages.message import Message
    from gateway.core.messages.trace_context import TraceContext
    from gateway.core.routing.version import Version
    from gateway.ports import ContextSender, Sending, Target

OVERLOAD_STATUSES: Final = frozenset({429, 503, 504})


class Limited(Protocol):
    """What has a limit: the limiter of a version."""

    target: Target
    limit: int
    in_flight: int
    auto: ConcurrencyLimit | None


def fit(limiter: Limited, version: Version, first: int = FIRST_LIMIT) -> None:
    """Give the limiter its version's limit: a number, or one that finds itself from `first` on."""
    target, least = limiter.target, version.least_in_flight
    if least is None:
        limiter.limit, limiter.auto = version.max_in_flight, None
        limiter.target = target.target if isinstance(target, MeasuredTarget) else target
        return
    if limiter.auto is None:
        bare = target.target if isinstance(target, MeasuredTarget) else target
        limiter.auto = ConcurrencyLimit(least, version.max_in_flight, first)
        limiter.target = MeasuredTarget(bare, limiter, limiter.auto)
    else:
        limiter.auto.hold_to(least, version.max_in_flight)
    limiter.limit = limiter.auto.limit


class MeasuredTarget:
    """A Target that tells the limit what became of each delivery."""

    def __init__(self, target: Target, limiter: Limited, auto: ConcurrencyLimit) -> None:
        self.target = target
        self._limiter = limiter
        self._auto = auto

    def bind(self, plan: DeliveryPlan) -> MeasuredSender:
        """Render once what the messages of a plan share."""
        return MeasuredSender(self.target.bind(plan), self)

    async def close(self) -> None:
        """Close the target."""
        await self.target.close()

    def ended(self, began_at: float, now: float, result: DeliveryResult | Exception) -> None:
        """Take a result in; one that says nothing of the version's load is left out."""
        limiter, auto = self._limiter, self._auto
        if isinstance(result, Exception):
            return
        if is_ack(result):
            auto.acked(began_at, now, limiter.in_flight)
        elif is_overload(result):
            auto.refused(now, limiter.in_flight)
        if limiter.auto is auto:  # a reload may have given it another
            limiter.limit = auto.limit


class MeasuredSender:
    """A Sender that hands each message over to another one, and takes the time."""

    __slots__ = ("_clock", "_ended", "_sender")

    def __init__(self, sender: ContextSender, target: MeasuredTarget) -> None:
        self._sender = sender
        self._ended = target.ended
        self._clock = asyncio.get_running_loop().time

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """Deliver once."""
        return self._sender.send(message, partial(self._done, self._clock(), done))

    def send_in(
        self, message: Message, context: TraceContext, done: Callable[[DeliveryResult], None]
    ) -> Sending:
        """Deliver once, in another trace context."""
        done = partial(self._done, self._clock(), done)
        return self._sender.send_in(message, context, done)

    def _done(
        self, began_at: float, done: Callable[[DeliveryResult], None], result: DeliveryResult
    ) -> None:
        self._ended(began_at, self._clock(), result)
        done(result)


def is_overload(result: DeliveryResult) -> bool:
    """Whether it says that the version has too much, or gives no response at all."""
    if isinstance(result, Responded):
        return result.status in OVERLOAD_STATUSES
    return isinstance(result, TimedOut | Unreachable | Broken)
