"""What a scenario asks for: how B1 fails, the steps, the load, and whether a gateway is killed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from gateway.demo.routing import routing_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.demo.addresses import Addresses

AnyPlan = TypeVar("AnyPlan", bound="TrialPlan")

PACKAGED: Final = "rollout/routes.yaml"
DEFAULT_STEPS: Final = (1, 5, 25, 50, 100)


@dataclass(frozen=True, slots=True)
class Trouble:
    """How B1 fails: the shares, 0..1, of its responses with status 500, and of those too slow."""

    failing: float = 0.0
    slow: float = 0.0

    @property
    def words(self) -> str:
        """The trouble in words."""
        if self.failing:
            return f"B1 fails {self.failing:.0%} of its messages with status 500"
        if self.slow:
            return f"B1 takes 2 s for {self.slow:.0%} of its messages; max_p99 is 1 s"
        return "B1 is as good as B"


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """One scenario. `messages` is the least number that is sent, `rate` how many a second."""

    name: str
    trouble: Trouble
    steps: tuple[int, ...] = DEFAULT_STEPS
    messages: int = 6_000
    rate: int = 300

    @property
    def is_bad(self) -> bool:
        """Whether the canary must be rolled back."""
        return self.trouble != Trouble()

    def routing(self, addresses: Addresses) -> str:
        """Return the routing file."""
        text = routing_file(addresses, PACKAGED)
        text = text.replace(str(list(DEFAULT_STEPS)), str(list(self.steps)))
        return text + "      max_p99: 1s\n" if self.trouble.slow else text


PLANS: Final[Mapping[str, TrialPlan]] = {
    plan.name: plan
    for plan in (
        TrialPlan("good-canary", Trouble()),
        TrialPlan("bad-canary", Trouble(failing=0.3)),
        TrialPlan("slow-canary", Trouble(slow=0.3)),
    )
}


def changed(
    plan: AnyPlan, messages: int | None, rate: int | None, steps: Sequence[int] | None
) -> AnyPlan:
    """Return a plan with what was given; None is its own value."""
    given = {"messages": messages, "rate": rate, "steps": steps and tuple(steps)}
    return replace(plan, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
