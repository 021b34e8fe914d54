"""A collector, and the deliveries under way that a running route would know of."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.core.rollout.collector import Collector
    from gateway.core.rollout.outcomes import Outcomes


class Delivery:
    """One delivery under way. `counted`: it hung, and was counted as such."""

    __slots__ = ("began_at", "counted", "key", "side")

    def __init__(self, began_at: float, side: Outcomes, key: str | None) -> None:
        self.began_at = began_at
        self.side = side
        self.key = key
        self.counted = False


class Deliveries:
    """Does what a route does: notes outcomes, and knows what is under way."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self._under_way: dict[Delivery, None] = {}

    def begin(self, now: float, *, canary: bool, key: str | None = None) -> Delivery:
        """Begin a delivery."""
        side = self.collector.canary if canary else self.collector.stable
        delivery = Delivery(now, side, key)
        self._under_way[delivery] = None
        return delivery

    def end(self, delivery: Delivery, now: float, *, failed: bool) -> None:
        """End it with an outcome."""
        self._under_way.pop(delivery, None)
        side, key, seconds = delivery.side, delivery.key, now - delivery.began_at
        if delivery.counted:
            if failed:
                side.failed_late(now, key)
        elif failed:
            side.failed(delivery.began_at, seconds, key)
        else:
            side.acked(delivery.began_at, seconds, key)

    def drop(self, delivery: Delivery) -> None:
        """End it without an outcome."""
        self._under_way.pop(delivery, None)

    def is_due(self, now: float) -> bool:
        """Whether to advance now."""
        return now >= self.collector.due_at()

    def advance(self, now: float) -> bool:
        """Count what can be counted by now; return whether something of it is noteworthy."""
        return self.collector.advance(now, self._oldest(now))

    def _oldest(self, now: float) -> float:
        oldest = inf
        for delivery in tuple(self._under_way):
            if self.collector.has_hung(delivery.began_at, now):
                delivery.side.hung(delivery.began_at, delivery.key)
                delivery.counted = True
                del self._under_way[delivery]
            else:
                oldest = min(oldest, delivery.began_at)
        return oldest
