"""What a FIFO queue remembers for five minutes: deduplication ids and receive attempts."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

WINDOW_SECONDS: Final = 300.0

V = TypeVar("V")


class Window(Generic[V]):
    """Values by key, each forgotten `WINDOW_SECONDS` after it was kept.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, V]] = {}
        self._order: deque[tuple[float, str]] = deque()

    def keep(self, key: str, value: V, now: float) -> None:
        """Remember from now on; a key that is kept again starts anew."""
        until = now + WINDOW_SECONDS
        self._kept[key] = (until, value)
        self._order.append((until, key))

    def get(self, key: str, now: float) -> V | None:
        """Return what was kept, or None once it is forgotten."""
        self._forget(now)
        found = self._kept.get(key)
        return None if found is None else found[1]

    def _forget(self, now: float) -> None:
        while self._order and self._order[0][0] <= now:
            until, key = self._order.popleft()
            if key in self._kept and self._kept[key][0] == until:
                del self._kept[key]
