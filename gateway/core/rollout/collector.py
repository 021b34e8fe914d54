"""Collects the evidence of one trial in one process, from deliveries to sums."""

from __future__ import annotations

from hashlib import blake2b
from math import inf
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.evidence import Evidence
from gateway.core.rollout.observation import StartOrder
from gateway.core.rollout.pairing import SAME_MOMENT_SECONDS, Pairing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.judge import Bounds
    from gateway.core.rollout.observation import Pending
    from gateway.core.rollout.pairing import Block

MAX_KEYS: Final = 200_000
"""Sticky keys of one step that are remembered; later ones are not counted."""


class Collector:
    """Counts deliveries that the route's own split decided, on their first receive.

    With a sticky key only the first message of each key in a step counts: one key whose messages
    all fail is one failure. `values` are the sums so far; they grow only.
    """

    def __init__(self, bounds: Bounds, weight: int, values: Sequence[float] = ()) -> None:
        self._evidence = Evidence(bounds.margin, bounds.max_failure_ratio, values)
        self._order = StartOrder(bounds.max_p99_seconds)
        self._pairing = Pairing(weight)
        self._keys: set[bytes] = set()
        self._failed_at = self._advanced_at = -inf

    @property
    def values(self) -> Sequence[float]:
        """The sums of the evidence; compare copies of them, for they change in place."""
        return self._evidence.values

    def begin_step(self, weight: int) -> None:
        """Pair by another canary weight, and count every key again."""
        self._pairing = Pairing(weight)
        self._keys.clear()

    def begin(self, now: float, *, canary: bool, key: str | None = None) -> Pending | None:
        """Record that a delivery began; None where it does not count."""
        if key is not None:
            hashed = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            if hashed in self._keys or len(self._keys) >= MAX_KEYS:
                return None
            self._keys.add(hashed)
        return self._order.begin(now, canary=canary)

    def end(self, pending: Pending, now: float, *, failed: bool) -> None:
        """Record how a delivery ended."""
        self._order.end(pending, now, failed=failed)
        if failed:
            self._failed_at = now

    def drop(self, pending: Pending) -> None:
        """Record that a delivery was given up by the gateway."""
        self._order.drop(pending)

    def is_due(self, now: float) -> bool:
        """Whether to advance now: once a second, and at each end within a second of a failure.

        A failure counts once what began before it has ended, and is compared with what follows it.
        """
        latest = now - SAME_MOMENT_SECONDS
        return self._failed_at >= latest or self._advanced_at <= latest

    def advance(self, now: float) -> bool:
        """Count what can be counted by now; return whether a failure or slowness was among it."""
        self._advanced_at = now
        noteworthy = False
        evidence, pairing = self._evidence, self._pairing
        for observation in self._order.take(now):
            evidence.count(observation)
            noteworthy = noteworthy or observation.failed or observation.slow
            noteworthy |= self._compare(pairing.add(observation))
        return noteworthy | self._compare(pairing.advance(self._order.complete_until(now)))

    def _compare(self, blocks: list[Block]) -> bool:
        noteworthy = False
        for block in blocks:
            self._evidence.compare(block)
            noteworthy = noteworthy or block.is_noteworthy
        return noteworthy
