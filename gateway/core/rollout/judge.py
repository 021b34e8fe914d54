"""The verdict on a canary: pass, wait or abort, from its evidence.

Each test may be looked at after every message: its bound holds over a whole trial. A trial is one
rollout of one revision. docs/explanation/how-a-canary-is-judged.md leads through it, with figures
of simulated rollouts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.evidence import over_limit, worse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.starts import Start

WORSE_ALPHA: Final = 0.006
SLOW_ALPHA: Final = 0.002
LIMIT_ALPHA: Final = 0.002
"""The probabilities of a false abort over a whole trial: 1 % together."""

SHARED_ALPHA: Final = 0.05
"""The probability that a shared outage, which breaks the limit, looks like the canary's own."""

_ALONE: Final = 50
"""Messages of the canary to one of stable, and no pair: stable has none but some left over."""

FINE_BETA: Final = 0.05
"""The probability that one step passes a canary that is worse by the margin or more."""

SLOW_SHARE: Final = 0.01
"""A p99 within the limit means that at most this share of the messages is slower."""


class Verdict(StrEnum):
    """What to do with the canary."""

    PASS = "pass"  # noqa: S105 - not a password
    WAIT = "wait"
    ABORT = "abort"


class RollbackCause(StrEnum):
    """Why a canary went to weight 0: by which test, by its deadline, or by a person's word."""

    FAILURES = "failures"
    SLOW = "slow"
    LIMIT = "limit"
    DEADLINE = "deadline"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages of one side: those counted, and of them those that failed and those too slow."""

    messages: int
    failed: int
    slow: int

    @property
    def failure_ratio(self) -> float:
        """The share that failed; 0 where there are no messages."""
        return self.failed / self.messages if self.messages else 0.0

    @property
    def slow_ratio(self) -> float:
        """The share that was too slow; 0 where there are no messages."""
        return self.slow / self.messages if self.messages else 0.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a canary is held to. Ratios are 0..1.

    `max_failure_ratio` None: only the comparison judges. `max_p99_seconds` None: slowness does not
    count. `margin` is what a passed canary is not worse by; a difference below `tolerance` never
    aborts. `alpha_factor` below 1 makes false aborts rarer.
    """

    max_failure_ratio: float | None = None
    max_p99_seconds: float | None = None
    margin: float = 0.05
    tolerance: float = 0.01
    alpha_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason in words.

    `p_value` bounds the probability of as much evidence against a canary that is as good as stable.
    """

    verdict: Verdict
    reason: str
    p_value: float
    canary: Counts
    stable: Counts
    cause: RollbackCause = RollbackCause.FAILURES


def counts_between(values: Sequence[float], since: Sequence[float]) -> tuple[Counts, Counts]:
    """Return the counts of canary and stable between two sums of evidence."""
    counts = zip(values[1:7], since[1:7], strict=True)
    grown = [max(0, round(now - then)) for now, then in counts]
    return Counts(*grown[:3]), Counts(*grown[3:])


def find_abort(
    values: Sequence[float], starts: Sequence[Start], bounds: Bounds
) -> tuple[Judgement | None, float]:
    """Return the judgement that aborts, or None, and the p-value so far.

    Every start is tested, since a canary that was good for long and turns bad looks good as a
    whole.
    """
    lowest = 1.0
    for start in starts:
        if not start.is_reached(values):
            continue
        canary, stable = counts_between(values, start.values)
        for cause, test in _TESTS.items():
            found = test(values, start, bounds, canary, stable)
            if found is None:
                continue
            e_value, alpha, reason = found
            p_value = 1.0 / max(1.0, e_value * start.share)
            lowest = min(lowest, p_value)
            if reason and p_value <= alpha * bounds.alpha_factor:
                return Judgement(Verdict.ABORT, reason, p_value, canary, stable, cause), p_value
    return None, lowest


Found = tuple[float, float, str]


def _find_worse(
    values: Sequence[float], start: Start, bounds: Bounds, canary: Counts, stable: Counts
) -> Found | None:
    e_value = worse(values, start.values)
    by = canary.failure_ratio - stable.failure_ratio
    return e_value, WORSE_ALPHA, _failures(canary, stable) if by >= bounds.tolerance else ""


def _find_slow(
    values: Sequence[float], start: Start, bounds: Bounds, canary: Counts, stable: Counts
) -> Found | None:
    if bounds.max_p99_seconds is None:
        return None
    by = canary.slow_ratio - stable.slow_ratio
    too_slow = by >= bounds.tolerance and canary.slow_ratio > SLOW_SHARE
    reason = (
        f"canary took over {bounds.max_p99_seconds:g} s for {canary.slow:,} of "
        f"{canary.messages:,}, stable for {stable.slow:,} of {stable.messages:,} of the same time"
    )
    return worse(values, start.values, slow=True), SLOW_ALPHA, reason if too_slow else ""


def _find_over_limit(
    values: Sequence[float], start: Start, bounds: Bounds, canary: Counts, stable: Counts
) -> Found | None:
    limit = bounds.max_failure_ratio
    if limit is None or stable.failure_ratio > limit or _may_share(values, start, canary, stable):
        return None
    reason = f"{_failures(canary, stable)}; the limit is {limit:.3g}"
    over = canary.failure_ratio > limit
    return over_limit(values, start.values), LIMIT_ALPHA, reason if over else ""


def _may_share(values: Sequence[float], start: Start, canary: Counts, stable: Counts) -> bool:
    """Whether stable may have the same trouble, as far as the two can be compared.

    In a shared outage the canary breaks its limit at once, and stable, by luck, a little later.
    """
    if values[0] == start.values[0] and canary.messages > _ALONE * stable.messages:
        return False
    return worse(values, start.values) * start.share < 1 / SHARED_ALPHA


_Test = Callable[["Sequence[float]", "Start", Bounds, Counts, Counts], Found | None]

_TESTS: Final[Mapping[RollbackCause, _Test]] = {
    RollbackCause.FAILURES: _find_worse,
    RollbackCause.SLOW: _find_slow,
    RollbackCause.LIMIT: _find_over_limit,
}


def _failures(canary: Counts, stable: Counts) -> str:
    failed = f"canary failed {canary.failed:,} of {canary.messages:,}"
    if not stable.messages:
        return failed
    return f"{failed}, stable {stable.failed:,} of {stable.messages:,} of the same time"
