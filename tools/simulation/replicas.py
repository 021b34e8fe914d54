"""Two replicas that judge one rollout: each counts its own messages, and their sums add up."""

from __future__ import annotations

import random
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.collector import Collector
from gateway.core.rollout.controller import advance
from gateway.core.rollout.rollback import limits_of
from gateway.core.rollout.state import RolloutPhase
from gateway.core.rollout.transitions import begin, canary_weight
from tools.simulation.deliveries import Deliveries
from tools.simulation.outcome import Outcome
from tools.simulation.run import ENDED, LOOK_SECONDS
from tools.simulation.traffic import Stream

if TYPE_CHECKING:
    from gateway.core.rollout.plan import Plan
    from tools.simulation.deliveries import Delivery
    from tools.simulation.traffic import Traffic

PUBLISH_SECONDS: Final = 2.0
LEADER: Final = 0


class Replica:
    """What one replica has seen, and what the others know of it."""

    def __init__(self, plan: Plan) -> None:
        self.collector = Collector(limits_of(plan), 1)
        self.deliveries = Deliveries(self.collector)
        self.published = tuple(self.collector.values)
        self.looked_at = 0.0

    def publish(self) -> None:
        """Let the others know."""
        self.published = tuple(self.collector.values)


class TwoReplicas:
    """A rollout whose messages go to either replica. The first one leads; any may abort.

    `together`: the leader publishes its sums with each state that it stores, so that who reads a
    new start knows all that it was made of.
    """

    def __init__(self, plan: Plan, traffic: Traffic, seed: int, *, together: bool = True) -> None:
        self._plan = plan
        self._stream = Stream(traffic, seed)
        self._random = random.Random(seed + 1_000_000)
        self._replicas = (Replica(plan), Replica(plan))
        self._together = together
        self._ends: list[tuple[float, int, int, bool, Delivery]] = []
        self._begun = 0
        self._published_at = 0.0
        self._state = begin(plan, self._values(LEADER), 0.0)
        self._weight = self._reached = 0
        self._weigh(0.0)

    def until_end(self, max_messages: int) -> Outcome:
        """Run until the rollout ends, or so many messages have begun."""
        now = 0.0
        while self._state.phase not in ENDED and self._begun < max_messages:
            now += self._stream.next_gap()
            while self._ends and self._ends[0][0] <= now:
                self._end(*heappop(self._ends))
            self._keep_up(now)
            self._begin(now)
        canary = sum(each.collector.values[1] for each in self._replicas)
        phase, reason = self._state.phase.value, self._state.reason
        return Outcome(phase, self._reached, round(canary), self._begun, now, reason)

    def _begin(self, now: float) -> None:
        arrival = self._stream.draw(now, self._weight)
        number = int(self._random.random() * len(self._replicas))
        delivery = self._replicas[number].deliveries.begin(now, canary=arrival.canary)
        self._begun += 1
        end = (now + arrival.seconds, self._begun, number, arrival.failed, delivery)
        heappush(self._ends, end)

    def _end(self, now: float, _: int, number: int, failed: bool, delivery: Delivery) -> None:  # noqa: FBT001 - one event
        deliveries = self._replicas[number].deliveries
        deliveries.end(delivery, now, failed=failed)
        if deliveries.is_due(now) and deliveries.advance(now):
            self._look(number, now)

    def _keep_up(self, now: float) -> None:
        if now - self._published_at >= PUBLISH_SECONDS:
            self._published_at = now
            for each in self._replicas:
                each.publish()
        for number, each in enumerate(self._replicas):
            if now - each.looked_at >= LOOK_SECONDS:
                each.looked_at = now
                each.deliveries.advance(now)
                self._look(number, now)

    def _look(self, number: int, now: float) -> None:
        before = self._state
        after = advance(before, self._plan, self._values(number), now)
        if after is before or (number != LEADER and after.phase is not RolloutPhase.ABORTED):
            return
        self._state = after
        if self._together:
            self._replicas[number].publish()
        self._weigh(now)

    def _values(self, number: int) -> tuple[float, ...]:
        own = self._replicas[number].collector.values
        other = self._replicas[1 - number].published
        return tuple(one + two for one, two in zip(own, other, strict=True))

    def _weigh(self, now: float) -> None:
        weight = canary_weight(self._state, self._plan) or 0
        if weight != self._weight:
            self._weight = weight
            self._reached = max(self._reached, weight)
            for each in self._replicas:
                each.collector.begin_step(weight, now)
