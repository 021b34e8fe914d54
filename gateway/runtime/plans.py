"""The ways that messages of one route can take, each worked out once and then only followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.routing.decider import Decider

if TYPE_CHECKING:
    from gateway.core.routing.decision import Reason
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Sender, Target
    from gateway.runtime.delivery import Delivery
    from gateway.runtime.limiter import Lane, Lanes

NEVER: Final = float("inf")


class Leg:
    """From a decision to a version: `belongs_to` is what was chosen, `to` gets it, for `reason`.

    `lane` is None where a reload has taken the version away. What has been decided and acked since
    it was told last is gathered here: to look that up by name took 1 us a message.
    """

    __slots__ = (
        "_sender",
        "_target",
        "acked",
        "belongs_to",
        "decided",
        "lane",
        "plan",
        "reason",
        "to",
        "touched",
    )

    def __init__(
        self, route: Route, belongs_to: Version, to: Version, reason: Reason, lane: Lane | None
    ) -> None:
        self.belongs_to, self.to, self.reason, self.lane = belongs_to, to, reason, lane
        self.plan = DeliveryPlan(
            route.name,
            route.queue.name,
            belongs_to.tag,
            to.name,
            reason,
            to.timeout_seconds,
            route.queue.fifo,
        )
        self._target: Target | None = None
        self._sender: Sender
        self.decided = 0
        self.acked: list[Delivery] = []
        self.touched = False

    def sender(self, target: Target) -> Sender:
        """Return what delivers over this target; a reload may have given the version another."""
        if target is not self._target:
            self._sender = target.bind(self.plan)
            self._target = target
        return self._sender


class Legs:
    """The legs of one generation of a route: a message keeps to those it was decided by."""

    __slots__ = ("_lanes", "_legs", "decider", "gives_up_after", "route")

    def __init__(self, route: Route, lanes: Lanes) -> None:
        self.route, self._lanes = route, lanes
        self.decider = Decider(route)
        fallback = route.fallback
        after = None if fallback is None else fallback.after_receives
        self.gives_up_after = NEVER if after is None else after  # receives of another version
        self._legs: dict[tuple[str, str, Reason], Leg] = {}

    def of(self, belongs_to: Version, to: Version, reason: Reason) -> Leg:
        """Return the leg."""
        leg = self._legs.get((belongs_to.name, to.name, reason))
        return leg or self._add(belongs_to, to, reason)

    def _add(self, belongs_to: Version, to: Version, reason: Reason) -> Leg:
        leg = Leg(self.route, belongs_to, to, reason, self._lanes.of(to))
        self._legs[belongs_to.name, to.name, reason] = leg
        return leg
