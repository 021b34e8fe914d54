"""Pairs the canary's messages with stable's of the same moment, so that shared trouble cancels out.

A block has one message of the version with the smaller share and about as many of the other as
come in between. None of them began more than a second before or after that one: with longer queues
the messages of an outage were compared with those of another moment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from gateway.core.rollout.outcomes import Miss, Taken

SAME_MOMENT_SECONDS: Final = 1.0
BLOCKS_WAITING: Final = 2
_USED_SHARE: Final = 0.9  # of the larger side: the rest is slack, so that blocks do not wait
_FULL: Final = 100
_HALF: Final = 50


class Block(NamedTuple):
    """Messages that ran side by side; one of the two numbers of messages is 1."""

    canaries: int
    canary_failed: int
    canary_slow: int
    stables: int
    stable_failed: int
    stable_slow: int

    @property
    def is_noteworthy(self) -> bool:
        """Whether the canary did worse in it than well."""
        return self.canary_failed + self.canary_slow > 0


def block_size(weight: int) -> int:
    """Return how many messages of the larger side a block has, for a canary weight of 1..99 %."""
    smaller = min(weight, _FULL - weight)
    return max(1, round(_USED_SHARE * (_FULL - smaller) / smaller))


class Pairing:
    """Forms blocks at one canary weight, in per cent. At 0 and 100 there is nothing to pair.

    A message of the smaller side, a single, is paired with the next of the other side that no block
    has, from a second and two blocks before it on. Its block ends with as many as a block has, or
    a second after it, or with the second single after it, if the other side has any by then: on a
    slow queue blocks are small. What ends a block is time and number alone, never an outcome, nor
    how many messages are added at once.
    """

    def __init__(self, weight: int) -> None:
        self._pairs = 0 < weight < _FULL
        self._canary_is_single = weight <= _HALF
        self._size = block_size(weight) if self._pairs else 1
        self._singles = _Waiting()
        self._others = _Waiting()

    def add(self, canary: Taken, stable: Taken, until: float) -> tuple[int, list[Block]]:
        """Add all messages that began up to then and were not added yet.

        Returns the number of blocks in which all is good, and the others.
        """
        if not self._pairs:
            return 0, []
        singles, others = self._singles, self._others
        singles.add(canary if self._canary_is_single else stable)
        others.add(stable if self._canary_is_single else canary)
        return self._close(singles, others, until)

    def _close(self, singles: _Waiting, others: _Waiting, until: float) -> tuple[int, list[Block]]:
        ones, missed_one, missed_other = singles.began_at, singles.miss_from(0), others.miss_from(0)
        good, first = 0, 0  # the first of the others that no block has
        blocks: list[Block] = []
        for at in range(len(ones)):
            first = self._first(others.began_at, ones[at], first)
            end = self._end(ones, at, others.began_at, first, until)
            if end < 0:
                singles.drop(at)
                others.drop(first)
                return good, blocks
            if end == first:
                continue  # there is nothing to compare it with
            if missed_one < at:
                missed_one = singles.miss_from(at)
            if missed_other < first:
                missed_other = others.miss_from(first)
            if missed_one == at or missed_other < end:
                blocks.append(self._block(singles.misses(at, at + 1), others.misses(first, end)))
            else:
                good += 1
            first = end
        singles.drop(len(ones))
        others.drop(max(first, len(others.began_at) - BLOCKS_WAITING * self._size))
        return good, blocks

    def _first(self, others: list[float], single: float, first: int) -> int:
        """Return the first of the others that may be in the single's block."""
        count = len(others)
        if first < count and others[first] < single - SAME_MOMENT_SECONDS:
            first = bisect_left(others, single - SAME_MOMENT_SECONDS, first)
        ahead = BLOCKS_WAITING * self._size
        if first + ahead < count and others[first + ahead] < single:
            first = bisect_left(others, single, first) - ahead
        return first

    def _end(
        self, singles: list[float], at: int, others: list[float], first: int, until: float
    ) -> int:
        """Return the end of the block of one single; -1 where it is not known yet."""
        latest = singles[at] + SAME_MOMENT_SECONDS
        has_passed = latest < until
        later = at + BLOCKS_WAITING
        if later < len(singles) and singles[later] <= latest:
            latest, has_passed = singles[later], True
        end, count = first + self._size, len(others)
        if end <= count and others[end - 1] <= latest:
            return end
        if not has_passed:
            return -1
        return bisect_right(others, latest, first, min(end, count))

    def _block(self, single: Misses, others: Misses) -> Block:
        canary, stable = (single, others) if self._canary_is_single else (others, single)
        return Block(*canary, *stable)


Misses = tuple[int, int, int]
"""A number of messages, and of them those that failed and were slow."""


class _Waiting:
    """One side's messages that may yet be in a block, in the order of their beginnings."""

    __slots__ = ("_latest", "_missed", "_places", "began_at")

    def __init__(self) -> None:
        self._latest = -inf
        self.began_at: list[float] = []
        self._missed: list[Miss] = []
        self._places: list[int] = []  # of the misses, in began_at

    def add(self, taken: Taken) -> None:
        """Add messages. Those that come too late count as begun with the last one that did not."""
        latest = self._latest
        began_at, misses = taken
        if began_at and began_at[0] < latest:
            began_at = [max(latest, at) for at in began_at]
            misses = [(max(latest, at), failed, slow) for at, failed, slow in misses]
        place = len(self.began_at)
        self.began_at.extend(began_at)
        self._missed.extend(misses)
        for miss in misses:
            place = bisect_left(self.began_at, miss[0], place)
            self._places.append(place)
            place += 1
        if began_at:
            self._latest = began_at[-1]

    def miss_from(self, first: int) -> int:
        """Return the place of the next miss from there on; one behind the end if there is none."""
        found = bisect_left(self._places, first)
        return self._places[found] if found < len(self._places) else len(self.began_at)

    def misses(self, first: int, end: int) -> Misses:
        """Count the messages between two places, and those of them that failed and were slow."""
        missed = self._missed[bisect_left(self._places, first) : bisect_left(self._places, end)]
        failed = sum([each[1] for each in missed])
        return end - first, failed, sum([each[2] for each in missed])

    def drop(self, count: int) -> None:
        """Drop the first ones."""
        if count <= 0:
            return
        dropped = bisect_left(self._places, count)
        del self.began_at[:count]
        del self._missed[:dropped]
        self._places = [place - count for place in self._places[dropped:]]
