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

    def received_again(self) -> Sequence[str]:
        """Return the orders that needed a second receive."""
        return list(self._again)

    def failed_first(self) -> set[str]:
        """Return the orders of which a delivery failed."""
        return {arrival.order for arrival in self.all if not arrival.good}

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

    def doubled(self) -> Sequence[str]:
        """Return the orders that were processed more than once."""
        return [order for order, times in self._processed.items() if times > 1]

    def under_way(self, order: str, moments: Sequence[float], grace_seconds: float) -> bool:
        """Whether the first good delivery of an order ended close to one of these moments.

        A gateway that was killed then may not have deleted what it had delivered.
        """
        first = min(one.at for one in self.all if one.order == order and one.good)
        return any(abs(moment - first) <= grace_seconds for moment in moments)

    def share(self, since: float, until: float) -> tuple[int, int]:
        """Return the number of first receives at B1 within a time, and at both."""
        seen = [a for a in self.all if a.receives == 1 and since <= a.began < until]
        return sum(arrival.canary for arrival in seen), len(seen)
