"""The delivery plans of one route: from a decision to a version, worked out once and then followed.

A message keeps to the plans of the generation that decided on it, also over a reload.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.dialect import HeaderDialect
from gateway.core.delivery.disposition import falls_back, status_of
from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.kafka.attempts import TO_STABLE
from gateway.core.routing.decider import decider_of
from gateway.core.routing.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Sender, Target
    from gateway.runtime.limiter import Limiter, Limiters
    from gateway.runtime.recorder import Recorder

NEVER: Final = TO_STABLE
"""No receive count of a message is above it that does not say itself that it goes to stable."""

Wrap = Callable[["Sender", "Version"], "Sender"]
"""Of a sender of the messages that were decided for a version, makes one that also copies them for
a mirror."""

Recorders = Callable[[], "Mapping[str, Recorder]"]
"""Returns what notes deliveries as evidence of a canary, by the versions that were decided."""


class ActivePlan:
    """From a decision to a version: `chosen` is what was decided, `version` gets the message.

    `limiter` is None where a reload has removed the version, and where `instead` is the plan to go
    by, since the version was rolled back. `with_copies` is put round its sender. `evidence` is None
    where its deliveries are no evidence. The counts and `unreported` are the reporter's.
    """

    __slots__ = (
        "_plan",
        "_sender",
        "_target",
        "_with_copies",
        "acked_ages",
        "acked_seconds",
        "chosen",
        "decided",
        "elsewhere",
        "evidence",
        "instead",
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
        with_copies: Wrap | None,
        evidence: Recorder | None,
    ) -> None:
        self.chosen = chosen
        self.version = version
        self.reason = reason
        self.elsewhere = version is not route.stable
        self.limiter = limiter
        self.evidence = evidence
        self.instead: ActivePlan | None = None
        self.decided = 0
        self.acked_seconds: list[float] = []
        self.acked_ages: list[float] = []
        self.unreported = False
        self._plan = delivery_plan(route, version, chosen.tag, reason)
        self._with_copies = with_copies
        self._target: Target | None = None
        self._sender: Sender

    def sender(self, target: Target) -> Sender:
        """Return what delivers over this target; a reload may have given the version another."""
        if target is not self._target:
            sender: Sender = target.bind(self._plan)
            if self._with_copies is not None:
                sender = self._with_copies(sender, self.chosen)
            self._sender = sender
            self._target = target
        return self._sender

    def marks(self, result: DeliveryResult) -> dict[str, str]:
        """Return what a copy for the dead-letter queue says of where it was rejected, and why."""
        return {
            "gateway-route": self._plan.route,
            "gateway-version": self.version.name,
            "gateway-status": status_of(result),
            "gateway-reason": self.reason.value,
        }


class DeliveryPlans:
    """The plans of one generation of a route, each made when it is first needed.

    A message of another version than stable goes to stable after `fallback_after_receives`.
    """

    __slots__ = (
        "_limiters",
        "_plans",
        "_recorders",
        "_with_copies",
        "decider",
        "fallback_after_receives",
        "route",
    )

    def __init__(
        self, route: Route, limiters: Limiters, with_copies: Wrap, recorders: Recorders
    ) -> None:
        self.route = route
        self.decider = decider_of(route, counted=True)
        self._limiters = limiters
        self._with_copies = with_copies
        self._recorders = recorders()
        fallback = route.fallback
        after = None if fallback is None else fallback.after_receives
        self.fallback_after_receives = NEVER if after is None else after
        self._plans: dict[tuple[str, str, Reason], ActivePlan] = {}

    def of(self, chosen: Version, version: Version, reason: Reason) -> ActivePlan:
        """Return the plan."""
        plan = self._plans.get((chosen.name, version.name, reason))
        return plan or self._add(chosen, version, reason)

    def falls_back(self, version: Version, result: DeliveryResult) -> bool:
        """Whether a message goes to stable at once, after this version's response."""
        fallback = self.route.fallback
        if version.name == self.route.stable.name or fallback is None:
            return False
        return falls_back(result, fallback)

    def _add(self, chosen: Version, version: Version, reason: Reason) -> ActivePlan:
        rolled_back = version.name == self.route.rolled_back
        limiter = None if rolled_back else self._limiters.of(version)
        with_copies = self._with_copies if self._copied(chosen, reason) else None
        evidence = self._recorders.get(chosen.name) if reason is Reason.SPLIT else None
        plan = ActivePlan(self.route, chosen, version, reason, limiter, with_copies, evidence)
        if rolled_back:
            plan.instead = self.of(chosen, self.route.stable, Reason.FALLBACK)
        self._plans[chosen.name, version.name, reason] = plan
        return plan

    def _copied(self, chosen: Version, reason: Reason) -> bool:
        """Whether a mirror gets some of its messages: not those that were offered to it before."""
        mirror = self.route.mirror
        if mirror is None or not mirror.copies_from(chosen):
            return False
        return reason is not Reason.FALLBACK or self.fallback_after_receives < 1


def delivery_plan(route: Route, version: Version, tag: str, reason: Reason) -> DeliveryPlan:
    """Return the plan by which this version gets messages under that tag."""
    return DeliveryPlan(
        route.name,
        route.queue.name,
        tag,
        version.name,
        reason,
        version.timeout_seconds,
        version.max_header_bytes,
        HeaderDialect(
            route.version_header,
            version.attributes_json,
            route.unwrap,
            route.deliver,
            records=route.kafka is not None,
        ),
    )
