"""When delays and leases end: a heap that never searches, and drops what is out of date in bulk."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Final

from tools.emulator.messages import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.emulator.messages import Message

    Entry = tuple[float, int, Sequence[Message]]

_SPARE: Final = 1024


class Ends:
    """Ends of delays and leases, the earliest first; messages that end together share an entry.

    A message whose lease was extended, or that was deleted, is passed over when its old entry comes
    up; when more than half of the entries are such leftovers the heap is built anew, so that each
    step costs O(log n) in what is delayed or in flight.
    """

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._ties = itertools.count()

    def add(self, until: float, messages: Sequence[Message], in_force: int) -> None:
        """Set their `visible_at` and remember it; `in_force` is how many are delayed or leased."""
        for message in messages:
            message.visible_at = until
        if len(self._heap) > _SPARE + 2 * in_force:
            self._heap = [entry for entry in self._heap if _live(entry)]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (until, next(self._ties), messages))

    def due(self, now: float) -> list[Message]:
        """Return those whose delay or lease is over, perhaps more than once, and forget them."""
        over: list[Message] = []
        while self._heap and self._heap[0][0] <= now:
            over += _live(heapq.heappop(self._heap))
        return over

    @property
    def next_at(self) -> float | None:
        """When the next one ends, or None."""
        while self._heap and not _live(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


def _live(entry: Entry) -> list[Message]:
    return [m for m in entry[2] if m.visible_at == entry[0] and m.stage in _ENDING]


_ENDING: Final = (Stage.DELAYED, Stage.LEASED)
