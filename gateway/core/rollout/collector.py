"""Collects the evidence of one trial in one process, from deliveries to sums."""

from __future__ import annotations

from hashlib import blake2b
from math import inf
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.evidence import Evidence
from gateway.core.rollout.outcomes import Outcomes
from gateway.core.rollout.pairing import SAME_MOMENT_SECONDS, Pairing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.judge import Bounds
    from gateway.core.rollout.outcomes import Keyed

MAX_KEYS: Final = 200_000
"""Sticky keys of one step that are remembered; later ones are not counted."""

GRACE_SECONDS: Final = 5.0
"""How long an unfinished delivery holds up those that began after it."""

ADVANCE_SECONDS: Final = 1.0
AFTER_FAILURE_SECONDS: Final = 0.05
"""How often to advance: at any time, and within a second of a failure."""


class Collector:
    """Counts deliveries that the route's own split decided, on their first receive.

    Each delivery that ends is noted in `canary` or `stable`, and counted by :meth:`advance`. With a
    sticky key only the first message of each key in a step counts: one key whose messages all fail
    is one failure. `values` are the sums so far; they grow only.
    """

    def __init__(self, bounds: Bounds, weight: int, values: Sequence[float] = ()) -> None:
        slow_seconds = bounds.max_p99_seconds
        self.canary = Outcomes(slow_seconds)
        self.stable = Outcomes(slow_seconds)
        self._evidence = Evidence(bounds.margin, bounds.max_failure_ratio, values)
        self._pairing = Pairing(weight)
        self._grace_seconds = max(GRACE_SECONDS, slow_seconds or 0.0)
        self._keys: set[bytes] = set()
        self._hung: set[bytes] = set()  # keys whose first message has hung
        self._steps: list[float] = []  # that began, and of which no key was counted yet
        self._advanced_at = -inf

    @property
    def values(self) -> Sequence[float]:
        """The sums of the evidence; compare copies of them, for they change in place."""
        return self._evidence.values

    def __len__(self) -> int:
        """Return the number of deliveries that have ended and are not counted yet."""
        return len(self.canary) + len(self.stable)

    def begin_step(self, weight: int, now: float) -> None:
        """Pair by another canary weight, and count every key again that begins from now on."""
        self._pairing = Pairing(weight)
        self._steps.append(now)

    def has_hung(self, began_at: float, now: float) -> bool:
        """Whether a delivery under way is to be noted as hung, and not to be waited for."""
        return now - began_at >= self._grace_seconds

    def due_at(self) -> float:
        """Return when to advance next: once a second, and often within a second of a failure.

        A failure counts once what began before it has ended, and is compared with what follows it.
        """
        failed_at = max(self.canary.failed_at, self.stable.failed_at)
        soon = self._advanced_at + AFTER_FAILURE_SECONDS
        if soon <= failed_at + SAME_MOMENT_SECONDS:
            return soon
        return self._advanced_at + ADVANCE_SECONDS

    def advance(self, now: float, oldest: float = inf) -> bool:
        """Count what can be counted by now; return whether a failure or slowness was among it.

        `oldest` is when the oldest delivery began that is under way and has not hung: nothing that
        began after it is counted yet.
        """
        self._advanced_at = now
        until = min(now, oldest)
        self._count_keyed(until)
        canary, stable = self.canary.take(until), self.stable.take(until)
        evidence = self._evidence
        evidence.count(len(canary.began_at), canary.failed, canary.slow, canary=True)
        evidence.count(len(stable.began_at), stable.failed, stable.slow, canary=False)
        good, blocks = self._pairing.add(canary, stable, until)
        evidence.compare_good(good)
        for block in blocks:
            evidence.compare(block)
        missed = bool(canary.misses or stable.misses)
        return missed or any(block.is_noteworthy for block in blocks)

    def _count_keyed(self, until: float) -> None:
        """Count the first message of each key, by the beginnings of both sides together."""
        taken = [
            (each, side) for side in (self.canary, self.stable) for each in side.take_keyed(until)
        ]
        for each, side in sorted(taken, key=_began_at):
            self._begin_steps(each.began_at)
            if self._is_first(each):
                side.count_keyed(each)
        self._begin_steps(until)

    def _begin_steps(self, until: float) -> None:
        while self._steps and self._steps[0] <= until:
            self._steps.pop(0)
            self._keys.clear()

    def _is_first(self, each: Keyed) -> bool:
        key = blake2b(each.key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if each.hung and each.failed:
            counted = key in self._hung
            self._hung.discard(key)
            return counted
        if key in self._keys or len(self._keys) >= MAX_KEYS:
            return False
        self._keys.add(key)
        if each.hung and len(self._hung) < MAX_KEYS:
            self._hung.add(key)
        return True


def _began_at(each: tuple[Keyed, Outcomes]) -> float:
    return each[0].began_at
