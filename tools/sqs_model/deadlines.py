"""When delays and leases end: a heap that never searches, and drops what is out of date in bulk."""

from __future__ import annotations

import heapq
import itertools
from math import inf
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tools.sqs_model.message import DELAYED, LEASED, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

M = TypeVar("M", bound=Message)

_SPARE: Final = 1_024


class Deadlines(Generic[M]):
    """Ends of delays and leases, the earliest first; messages that end together share an entry.

    A message whose lease was extended, or that was deleted, is passed over when its old entry comes
    up. When more than half of the entries are such leftovers the heap is built anew, so that each
    step costs O(log n) in what is delayed or leased. Nothing is due before `first`.
    """

    def __init__(self) -> None:
        self.first = inf
        self._ties = itertools.count()
        self._heap: list[tuple[float, int, Sequence[M]]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, until: float, messages: Sequence[M], pending: int) -> None:
        """Set their `visible_at` and remember it; `pending` is how many are delayed or leased."""
        for message in messages:
            message.visible_at = until
        if len(self._heap) > _SPARE + 2 * pending:
            self._heap = [entry for entry in self._heap if _live(entry[0], entry[2])]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (until, next(self._ties), messages))
        self.first = self._heap[0][0]

    def due(self, now: float) -> list[M]:
        """Return those whose delay or lease is over, perhaps more than once, and forget them."""
        over: list[M] = []
        while self._heap and self._heap[0][0] <= now:
            until, _, messages = heapq.heappop(self._heap)
            over += _live(until, messages)
        self.first = self._heap[0][0] if self._heap else inf
        return over

    @property
    def earliest(self) -> float | None:
        """When the next delay or lease ends, or None."""
        heap = self._heap
        while heap and not _live(heap[0][0], heap[0][2]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None


def _live(until: float, messages: Sequence[M]) -> list[M]:
    return [m for m in messages if m.stage in _PENDING and m.visible_at == until]


_PENDING: Final = (LEASED, DELAYED)
