"""The delivery plans of one route: from a decision to a version, worked out once and then followed.

A message keeps to the plans of the generation that decided on it, also over a reload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.delivery.dialect import HeaderDialect
from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.routing.decider import decider_of

if TYPE_CHECKING:
    from gateway.core.routing.decision import Reason
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Sender, Target
    from gateway.runtime.limiter import Limiter, Limiters

NEVER: Final = float("inf")


class ActivePlan:
    """From a decision to a version: `chosen` is what was decided, `version` gets the message.

    `limiter` is None where a reload has removed the version. The counts and `unreported` are the
    reporter's.
    """

    __slots__ = (
        "_plan",
        "_sender",
        "_target",
        "acked_ages",
        "acked_seconds",
        "chosen",
        "decided",
        "limiter",
        "reason",
        "unreported",
        "version",
    )

    def __init__(
        self,
        route: Route,
        chosen: Version,
        version: Version,
        reason: Reason,
        limiter: Limiter | None,
    ) -> None:
        self.chosen = chosen
        self.version = version
        self.reason = reason
        self.limiter = limiter
        self.decided = 0
        self.acked_seconds: list[float] = []
        self.acked_ages: list[float] = []
        self.unreported = False
        self._plan = DeliveryPlan(
            route.name,
            route.queue.name,
            chosen.tag,
            version.name,
            reason,
            version.timeout_seconds,
            version.max_header_bytes,
            HeaderDialect(
                route.version_header, version.attributes_json, route.unwrap, route.deliver
            ),
        )
        self._target: Target | None = None
        self._sender: Sender

    def sender(self, target: Target) -> Sender:
        """Return what delivers over this target; a reload may have given the version another."""
        if target is not self._target:
            self._sender = target.bind(self._plan)
            self._target = target
        return self._sender


class DeliveryPlans:
    """The plans of one generation of a route, each made when it is first needed.

    A message of another version than stable goes to stable after `fallback_after_receives`.
    """

    __slots__ = ("_limiters", "_plans", "decider", "fallback_after_receives", "route")

    def __init__(self, route: Route, limiters: Limiters) -> None:
        self.route = route
        self.decider = decider_of(route)
        self._limiters = limiters
        fallback = route.fallback
        after = None if fallback is None else fallback.after_receives
        self.fallback_after_receives = NEVER if after is None else after
        self._plans: dict[tuple[str, str, Reason], ActivePlan] = {}

    def of(self, chosen: Version, version: Version, reason: Reason) -> ActivePlan:
        """Return the plan."""
        plan = self._plans.get((chosen.name, version.name, reason))
        return plan or self._add(chosen, version, reason)

    def _add(self, chosen: Version, version: Version, reason: Reason) -> ActivePlan:
        plan = ActivePlan(self.route, chosen, version, reason, self._limiters.of(version))
        self._plans[chosen.name, version.name, reason] = plan
        return plan
