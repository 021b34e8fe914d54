"""The services' record: every delivery that began, and its result."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Delivery:
    """One request as a service saw it. Times are seconds since the epoch.

    `acked_at` is when a 2xx was wholly written; `response` is what the service meant to do.
    """

    message_id: str
    service: str
    group: str | None
    begun_at: float
    response: str = ""
    ended_at: float = math.inf
    acked_at: float | None = None


class Deliveries:
    """All deliveries by message id, in the order in which they began."""

    def __init__(self) -> None:
        self.by_message: defaultdict[str, list[Delivery]] = defaultdict(list)
        self.count = 0

    def begin(self, delivery: Delivery) -> None:
        """Record that a delivery began."""
        self.by_message[delivery.message_id].append(delivery)
        self.count += 1
