"""Counts a route's deliveries as evidence of its canary, beside those of the stable version.

Messages that the route's own split decided count, on their first receive, by their first delivery.
A route without a plan has nothing wrapped, so that it costs nothing.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.disposition import is_ack
from gateway.core.messages.envelopes import unwrapped
from gateway.core.rollout.collector import Collector
from gateway.core.rollout.rollback import limits_of
from gateway.core.routing.route import Unwrap
from gateway.core.routing.weights import canary_share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.messages.message import Message
    from gateway.core.rollout.judge import Bounds
    from gateway.core.rollout.observation import Pending
    from gateway.core.routing.route import Route
    from gateway.core.routing.split import Split
    from gateway.core.routing.version import Version
    from gateway.ports import Sender, Sending

ADVANCE_SECONDS: Final = 1.0
"""How long outcomes gather at most while messages come in."""


class Counting:
    """The evidence of one route; kept over a reload, since its sums only ever grow.

    `noteworthy` is set when a failure or a slow delivery was counted. Who judges clears it, and may
    put one event in the place of those of several routes.
    """

    def __init__(self, route: Route) -> None:
        self.noteworthy = asyncio.Event()
        self._collector: Collector | None = None
        self._values: Sequence[float] = ()  # while nothing is counted
        self._judged: tuple[str, Bounds] | None = None
        self._share = 0
        self._canary = ""
        self._split: Split | None = None  # where it has sticky keys
        self._unwraps = False
        self._advanced_at = 0.0
        self._clock: Callable[[], float] = _before_start
        self.adopt(route)

    def start(self) -> None:
        """Use the running loop from now on."""
        self._clock = asyncio.get_running_loop().time

    def adopt(self, route: Route) -> None:
        """Count by another routing table from now on.

        Another trial and other bounds take another collector: what is under way then is not
        counted. Another share of the canary begins a step.
        """
        plan, split = route.plan, route.split
        if plan is None or split is None:
            self._values, self._collector = self.values, None
            return
        self._canary = plan.canary
        self._unwraps = route.unwrap is not Unwrap.NONE
        self._split = None if split.by_message else split
        bounds, share = limits_of(plan), canary_share(route)
        judged = plan.trial, bounds
        if self._collector is None or judged != self._judged:
            self._collector = Collector(bounds, share, self.values)
        elif share != self._share:
            self._collector.begin_step(share)
        self._judged, self._share = judged, share

    def begin_step(self) -> None:
        """Count every sticky key again."""
        if self._collector is not None:
            self._collector.begin_step(self._share)

    @property
    def values(self) -> tuple[float, ...]:
        """The sums of the evidence since the process began; none before there was a plan."""
        return tuple(self._values if self._collector is None else self._collector.values)

    def wrap(self, sender: Sender, chosen: Version) -> Sender:
        """Return what also counts the messages that the route's split decided for this version."""
        return CountedSender(sender, self, chosen)

    def advance(self) -> None:
        """Count what has ended by now. Call it once a second while nothing comes in."""
        self._advanced_at = now = self._clock()
        if self._collector is not None and self._collector.advance(now):
            self.noteworthy.set()

    def begin(self, message: Message, chosen: Version) -> tuple[Collector, Pending] | None:
        """Record that a delivery begins; None where it does not count.

        Where the source does not count receives, each one is taken for the first.
        """
        collector = self._collector
        if collector is None or message.receive_count > 1:
            return None
        now = self._clock()
        if now - self._advanced_at >= ADVANCE_SECONDS:
            self.advance()
        canary = chosen.name == self._canary
        pending = collector.begin(now, canary=canary, key=self._key(message))
        return None if pending is None else (collector, pending)

    def end(
        self, collector: Collector, pending: Pending, result: DeliveryResult | Exception
    ) -> None:
        """Record how a delivery ended; an exception is the gateway's defect, not a version's."""
        if isinstance(result, Exception):
            collector.drop(pending)
            return
        failed = not is_ack(result)
        collector.end(pending, self._clock(), failed=failed)
        if failed:
            self.advance()

    def _key(self, message: Message) -> str | None:
        if self._split is None:
            return None
        key = self._split.key(unwrapped(message) if self._unwraps else message)
        message.forget()
        return key


class CountedSender:
    """A Sender that hands each message over to another one, and counts what comes of it."""

    __slots__ = ("_chosen", "_counting", "_sender")

    def __init__(self, sender: Sender, counting: Counting, chosen: Version) -> None:
        self._sender = sender
        self._counting = counting
        self._chosen = chosen

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """Deliver once."""
        begun = self._counting.begin(message, self._chosen)
        if begun is None:
            return self._sender.send(message, done)
        collector, pending = begun
        count = partial(self._counting.end, collector, pending)
        try:
            sending = self._sender.send(message, partial(_judge_and_count, count, done))
        except Exception:  # a defect of the target's: the message is retried
            collector.drop(pending)
            raise
        return CountedSending(sending, partial(collector.drop, pending))


class CountedSending:
    """A delivery under way that says nothing of its version once it is cancelled."""

    __slots__ = ("_drop", "_sending")

    def __init__(self, sending: Sending, drop: Callable[[], None]) -> None:
        self._sending = sending
        self._drop = drop

    def cancel(self) -> None:
        """Give up; `done` is not called."""
        self._drop()
        self._sending.cancel()


def _before_start() -> float:
    """Return a moment before every delivery."""
    return 0.0


def _judge_and_count(
    count: Callable[[DeliveryResult], None],
    done: Callable[[DeliveryResult], None],
    result: DeliveryResult,
) -> None:
    """Have the delivery judged first: nothing of it waits for the evidence."""
    done(result)
    count(result)
