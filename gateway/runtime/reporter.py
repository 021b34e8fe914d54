"""The one door to the observer: events in the order in which they happened.

What happens for every message is counted and emitted once for all of a moment, since an event for
each message costs more than a decision. Every other event is emitted at once, after what happened
before it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.core.events import Acked, Decided, Mirrored, Received, Settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.events import Action, CopyOutcome, Event
    from gateway.core.routing.decision import Reason
    from gateway.ports import Observer
    from gateway.runtime.in_flight import InFlightMessage
    from gateway.runtime.plans import ActivePlan

REPORT_SECONDS: Final = 0.01
"""How long counts gather at most; a reader of figures has them emitted first."""


class Reporter:
    """Reports what happens on one route. `wall` gives seconds since the epoch."""

    def __init__(self, route: str, observer: Observer, wall: Callable[[], float]) -> None:
        self._route = route
        self._observer = observer
        self._wall = wall
        self._receives: list[int] = []
        self._plans: list[ActivePlan] = []
        self._settled: list[Settled] = []
        self._copies: dict[tuple[str, CopyOutcome], list[str]] = {}  # why, of each copy
        self._scheduled = False

    def start(self) -> None:
        """Use the running loop from now on."""
        loop = asyncio.get_running_loop()
        self._clock = loop.time
        self._later = loop.call_later

    def received(self, messages: int) -> None:
        """Count a receive, and the messages that it brought."""
        self._receives.append(messages)
        if not self._scheduled:
            self._schedule()

    def decided(self, plan: ActivePlan) -> None:
        """Count a decision."""
        plan.decided += 1
        if not plan.unreported:
            self._add(plan)

    def undecided(self, reason: Reason) -> None:
        """Report a message that no version was chosen for."""
        self.emit(Decided(self._route, None, reason))

    def acked(self, plan: ActivePlan, entry: InFlightMessage) -> None:
        """Count an ack."""
        ended_at = entry.began_at + entry.seconds
        plan.acked_seconds.append(entry.seconds)
        if entry.message.sent_ms:
            plan.acked_ages.append(ended_at - entry.message.sent_ms / 1000)  # on the loop's clock
        if not plan.unreported:
            self._add(plan)

    def settled(self, action: Action, messages: int = 1) -> None:
        """Count messages whose settlement SQS confirmed."""
        self._settled.append(Settled(self._route, action, messages))
        if not self._scheduled:
            self._schedule()

    def mirrored(self, version: str, outcome: CopyOutcome, why: str = "") -> None:
        """Count a copy for the route's mirror, and why it failed."""
        self._copies.setdefault((version, outcome), []).append(why)
        if not self._scheduled:
            self._schedule()

    def emit(self, event: Event) -> None:
        """Emit an event, after all that happened before it."""
        self.flush()
        self._observer.observe(event)

    def flush(self) -> None:
        """Emit what was counted: receives, decisions and acks, settlements, copies."""
        self._scheduled = False
        observe = self._observer.observe
        receives, self._receives = self._receives, []
        for messages in receives:
            observe(Received(self._route, messages))
        plans, self._plans = self._plans, []
        for plan in plans:
            self._flush_plan(plan)
        settled, self._settled = self._settled, []
        for event in settled:
            observe(event)
        if self._copies:
            copies, self._copies = self._copies, {}
            for (version, outcome), whys in copies.items():
                observe(Mirrored(self._route, version, outcome, len(whys), whys[-1]))

    def _add(self, plan: ActivePlan) -> None:
        plan.unreported = True
        self._plans.append(plan)
        if not self._scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled = True
        self._later(REPORT_SECONDS, self._flush_scheduled)

    def _flush_scheduled(self) -> None:
        if self._scheduled:
            self.flush()

    def _flush_plan(self, plan: ActivePlan) -> None:
        plan.unreported = False
        if plan.decided:
            event = Decided(self._route, plan.chosen.name, plan.reason, plan.decided)
            plan.decided = 0
            self._observer.observe(event)
        if plan.acked_seconds:
            seconds, plan.acked_seconds = plan.acked_seconds, []
            ahead = self._wall() - self._clock()  # of the loop's clock
            ages = [ahead + age for age in plan.acked_ages]
            plan.acked_ages = []
            self._observer.observe(Acked(self._route, plan.version.name, seconds, ages))
