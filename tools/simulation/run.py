"""One simulated rollout, in virtual time, through the real collector, tests and state machine."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.collector import Collector
from gateway.core.rollout.controller import advance
from gateway.core.rollout.rollback import limits_of
from gateway.core.rollout.state import RolloutPhase
from gateway.core.rollout.transitions import begin, canary_weight
from tools.simulation.deliveries import Deliveries
from tools.simulation.outcome import Outcome
from tools.simulation.traffic import (
    POISON_RECEIVES,
    RECEIVE_AGAIN_SECONDS,
    Arrival,
    Mistake,
    Stream,
)

if TYPE_CHECKING:
    from gateway.core.rollout.plan import Plan
    from tools.simulation.deliveries import Delivery
    from tools.simulation.traffic import Traffic

LOOK_SECONDS: Final = 1.0
"""How often the gateway looks at the evidence where nothing failed."""

ENDED: Final = (RolloutPhase.PROMOTED, RolloutPhase.PAUSED, RolloutPhase.ABORTED)


class Run:
    """A route with a plan, its messages, and a clock that jumps from one event to the next."""

    def __init__(self, plan: Plan, traffic: Traffic, seed: int, *, weight: int = 10) -> None:
        self._plan = plan
        self._traffic = traffic
        self._stream = Stream(traffic, seed)
        self._split_weight = weight  # of a route without a rollout
        self._collector = Collector(limits_of(plan), 1)
        self._deliveries = Deliveries(self._collector)
        self.state = begin(plan, self._collector.values, 0.0)
        self._ends: list[tuple[float, int, Arrival, Delivery | None]] = []
        self._begun = 0
        self._looked_at = 0.0
        self._reached = 0
        self._weight = -1
        self._weigh(0.0)

    def until_end(self, max_messages: int) -> Outcome:
        """Run until the rollout ends, or so many messages have begun."""
        now = 0.0
        while self.state.phase not in ENDED and self._begun < max_messages:
            now = self._step(now)
        return self._outcome(now)

    def _step(self, now: float) -> float:
        """Begin the next message, and return when that was."""
        now += self._stream.next_gap()
        ends = self._ends
        while ends and ends[0][0] <= now:
            at, _, arrival, delivery = heappop(ends)
            self._end(at, arrival, delivery)
        if now - self._looked_at >= LOOK_SECONDS:
            self._look(now, always=True)
        self._begin(self._stream.draw(now, self._weight))
        return now

    def _begin(self, arrival: Arrival) -> None:
        self._begun += 1
        at, mistake = arrival.at, self._traffic.mistake
        counts = arrival.receive == 1 or mistake is Mistake.DELIVERIES
        if arrival.pinned:
            counts = mistake is Mistake.SELECTION
        delivery = None
        if counts and mistake is not Mistake.COMPLETION:
            key = None if mistake is Mistake.KEYS else arrival.key
            delivery = self._deliveries.begin(at, canary=arrival.canary, key=key)
        heappush(self._ends, (at + arrival.seconds, self._begun, arrival, delivery))

    def _end(self, now: float, arrival: Arrival, delivery: Delivery | None) -> None:
        if self._traffic.mistake is Mistake.COMPLETION:
            delivery = self._deliveries.begin(now, canary=arrival.canary)
        if delivery is not None:
            self._deliveries.end(delivery, now, failed=arrival.failed)
            if self._deliveries.is_due(now):
                self._look(now)
        if arrival.poison and arrival.receive < POISON_RECEIVES:
            arrival.receive += 1
            arrival.at = now + RECEIVE_AGAIN_SECONDS
            self._begin_again(arrival)

    def _begin_again(self, arrival: Arrival) -> None:
        delivery = None
        if self._traffic.mistake is Mistake.DELIVERIES:
            delivery = self._deliveries.begin(arrival.at, canary=arrival.canary)
        self._begun += 1
        heappush(self._ends, (arrival.at + arrival.seconds, self._begun, arrival, delivery))

    def _look(self, now: float, *, always: bool = False) -> None:
        if always:
            self._looked_at = now
        if not self._deliveries.advance(now) and not always:
            return
        before = self.state
        self.state = advance(before, self._plan, self._collector.values, now)
        if self.state is not before:
            self._weigh(now)

    def _weigh(self, now: float) -> None:
        wanted = canary_weight(self.state, self._plan)
        weight = self._split_weight if wanted is None else wanted
        if weight != self._weight:
            self._weight = weight
            self._reached = max(self._reached, weight)
            self._collector.begin_step(weight, now)

    def _outcome(self, now: float) -> Outcome:
        return Outcome(
            self.state.phase.value,
            self._reached,
            round(self._collector.values[1]),
            self._begun,
            now,
            self.state.reason,
            self.state.aborts,
        )
