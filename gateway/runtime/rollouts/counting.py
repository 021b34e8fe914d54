"""Counts a route's deliveries as evidence of its canary, beside those of the stable version.

Messages that the route's own split decided count, on their first receive, by their first delivery.
A message only has its outcome noted; all else is done once a second for all of them, and soon
after a failure (docs/adr/0020-evidence-is-counted-in-batches.md). A route without a plan has no
recorders.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from gateway.aiokit.lazy_timer import LazyTimer
from gateway.core.messages.envelopes import unwrapped
from gateway.core.rollout.collector import Collector
from gateway.core.rollout.rollback import limits_of
from gateway.core.routing.route import Unwrap
from gateway.core.routing.weights import canary_share
from gateway.runtime.recorder import Recorder
from gateway.runtime.rollouts.under_way import find_oldest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.messages.message import Message
    from gateway.core.rollout.judge import Bounds
    from gateway.core.routing.route import Route
    from gateway.core.routing.split import Split
    from gateway.runtime.in_flight import InFlight


class Counting:
    """The evidence of one route; kept over a reload, since its sums only ever grow.

    `noteworthy` is set when a failure or a slow delivery was counted. Who judges clears it, and may
    put one event in the place of those of several routes. `recorders` are those of the routing
    table in force, by the names of the versions that count.
    """

    def __init__(self, route: Route, in_flight: InFlight) -> None:
        self.noteworthy = asyncio.Event()
        self.recorders: Mapping[str, Recorder] = {}
        self._in_flight = in_flight
        self._collector: Collector | None = None
        self._values: Sequence[float] = ()  # while nothing is counted
        self._judged: tuple[str, str, str, Bounds] | None = None
        self._share = 0
        self._timer = LazyTimer(self.advance)
        self._clock: Callable[[], float] = _before_start
        self.adopt(route)

    def start(self) -> None:
        """Use the running loop from now on."""
        self._clock = asyncio.get_running_loop().time

    def close(self) -> None:
        """Count what has ended, and leave no timer."""
        self.advance()
        self._timer.cancel()

    def adopt(self, route: Route) -> None:
        """Count by another routing table from now on.

        Another trial and other bounds take another collector: what is under way then is not
        counted. Another share of the canary begins a step.
        """
        plan, split = route.plan, route.split
        self.advance()
        if plan is None or split is None:
            self._values, self._collector, self.recorders = self.values, None, {}
            return
        bounds, share = limits_of(plan), canary_share(route)
        judged = plan.canary, route.stable.name, plan.trial, bounds
        if self._collector is None or judged != self._judged:
            self._collector = collector = Collector(bounds, share, self.values)
            self.recorders = {
                plan.canary: Recorder(collector.canary, self._count_soon),
                route.stable.name: Recorder(collector.stable, self._count_soon),
            }
        elif share != self._share:
            self._collector.begin_step(share, self._clock())
        self._judged, self._share = judged, share
        key_of = None if split.by_message else partial(_key, split, route.unwrap)
        for recorder in self.recorders.values():
            recorder.key_of = key_of

    def begin_step(self) -> None:
        """Count every sticky key again."""
        if self._collector is not None:
            self.advance()
            self._collector.begin_step(self._share, self._clock())

    @property
    def values(self) -> tuple[float, ...]:
        """The sums of the evidence since the process began; none before there was a plan."""
        return tuple(self._values if self._collector is None else self._collector.values)

    def advance(self) -> None:
        """Count what has ended by now. Call it once a second while nothing comes in."""
        collector = self._collector
        if collector is None:
            return
        now = self._clock()
        recorders = tuple(self.recorders.values())
        has_hung = partial(collector.has_hung, now=now)
        oldest = find_oldest(self._in_flight.under_way(), recorders, has_hung)
        if collector.advance(now, oldest):
            self.noteworthy.set()
        if len(collector):
            self._timer.set(collector.due_at())
        else:
            self._timer.clear()
            for recorder in recorders:
                recorder.calls = True

    def _count_soon(self) -> None:
        """Advance when it is due, now that a delivery has ended."""
        if self._collector is None:
            return
        for recorder in self.recorders.values():
            recorder.calls = False
        self._timer.set(max(self._clock(), self._collector.due_at()))


def _key(split: Split, unwrap: Unwrap, message: Message) -> str | None:
    key = split.key(message if unwrap is Unwrap.NONE else unwrapped(message))
    message.forget()
    return key


def _before_start() -> float:
    """Return a moment before every delivery."""
    return 0.0
