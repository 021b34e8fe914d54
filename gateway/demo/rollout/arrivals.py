"""What arrived at B and B1, and what that says of every order. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery of an order to B or B1. Times are Unix times; `receives` is SQS's count."""

    order: str
    began: float
    at: float
    receives: int
    good: bool
    canary: bool = False


class Arrivals:
    """All deliveries so far."""

    def __init__(self) -> None:
        self.all: list[Arrival] = []
        self._processed: Counter[str] = Counter()
        self._again: set[str] = set()

    def add(self, arrivals: Iterable[Arrival]) -> None:
        """Add what has arrived since."""
        for arrival in arrivals:
            self.all.append(arrival)
            if arrival.good:
                self._processed[arrival.order] += 1
            if arrival.receives > 1:
                self._again.add(arrival.order)

    @property
    def processed(self) -> int:
        """The number of orders that got status 200."""
        return len(self._processed)

    @property
    def received_again(self) -> int:
        """The number of orders that needed a second receive."""
        return len(self._again)

    def canary(self, since: float = 0.0, until: float = float("inf")) -> list[Arrival]:
        """Return the first receives that began at B1 within a time, in their order."""
        return [
            arrival
            for arrival in self.all
            if arrival.canary and arrival.receives == 1 and since <= arrival.began < until
        ]

    def lost(self, sent: int) -> Sequence[str]:
        """Return the orders of those sent that neither B nor B1 has processed."""
        return [name for n in range(1, sent + 1) if (name := f"order-{n}") not in self._processed]

    def doubled(self, killed_at: float | None, grace_seconds: float) -> Sequence[str]:
        """Return the orders that were processed more than once, and without cause.

        A gateway that was killed may not have deleted what it had delivered: an order whose first
        delivery ended within `grace_seconds` before, or soon after, has a cause.
        """
        return [
            order for order in self._twice() if not self._excused(order, killed_at, grace_seconds)
        ]

    def doubled_by_kill(self, killed_at: float | None, grace_seconds: float) -> int:
        """Return how many orders were processed more than once because a gateway was killed."""
        return sum(self._excused(order, killed_at, grace_seconds) for order in self._twice())

    def share(self, since: float, until: float) -> tuple[int, int]:
        """Return the number of first receives at B1 within a time, and at both."""
        seen = [a for a in self.all if a.receives == 1 and since <= a.began < until]
        return sum(arrival.canary for arrival in seen), len(seen)

    def _twice(self) -> list[str]:
        return [order for order, times in self._processed.items() if times > 1]

    def _excused(self, order: str, killed_at: float | None, grace_seconds: float) -> bool:
        if killed_at is None:
            return False
        first = min(arrival.at for arrival in self.all if arrival.order == order and arrival.good)
        return abs(killed_at - first) <= grace_seconds
