"""How simulated rollouts ended, and what is said of many of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

QUARTER: Final = 25
FEW: Final = 20
SOME: Final = 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one rollout ended: in which phase, at which weight, after how much.

    `canary_messages` are those that were counted. `reached` is the highest weight of all.
    """

    phase: str
    reached: int
    canary_messages: int
    messages: int
    seconds: float
    reason: str
    aborts: int = 0


Summary = dict[str, Any]


def summarize(outcomes: Sequence[Outcome]) -> Summary:
    """Return counts of how they ended, and how many canary messages that took."""
    aborted = [each for each in outcomes if each.phase == "aborted"]
    promoted = sum(each.phase == "promoted" for each in outcomes)
    needed = sorted(each.canary_messages for each in aborted) or [0]
    passed = sorted(each.canary_messages for each in outcomes if each.phase == "promoted") or [0]
    return {
        "rollouts": len(outcomes),
        "aborted": len(aborted),
        "promoted": promoted,
        "held": sum(each.phase == "paused" for each in outcomes),
        "reached_25": sum(each.reached >= QUARTER for each in outcomes),
        "aborted_median": quantile(needed, 0.5),
        "aborted_p99": quantile(needed, 0.99),
        "aborted_by_20": sum(each.canary_messages <= FEW for each in aborted),
        "aborted_by_40": sum(each.canary_messages <= SOME for each in aborted),
        "passed_median": quantile(passed, 0.5),
        "passed_p99": quantile(passed, 0.99),
        "aborts_median": quantile(sorted(each.aborts for each in outcomes), 0.5),
        "canary_median": quantile(sorted(each.canary_messages for each in outcomes), 0.5),
        "messages": sum(each.messages for each in outcomes),
        "sample": aborted[0].reason if aborted else "",
    }


def quantile(ordered: Sequence[int], share: float) -> int:
    """Return the value that this share of them does not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
