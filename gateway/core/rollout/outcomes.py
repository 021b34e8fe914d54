"""What has come of one version's deliveries and is not counted yet.

Noted at the end of each delivery, counted in the order in which they began. The order of completion
would be unfair: the failures of a version that is slow to succeed arrive before its successes.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from typing import NamedTuple

Miss = tuple[float, bool, bool]
"""A delivery that is not plainly good: when it began, whether it failed, whether it was slow."""


class Keyed(NamedTuple):
    """A delivery that counts if it is the first of its sticky key.

    `hung`: it has no outcome within the grace time; with `failed`, it failed after that.
    """

    began_at: float
    key: str
    failed: bool
    slow: bool
    hung: bool


class Taken(NamedTuple):
    """Deliveries in the order of their beginnings: `began_at` of all, and those not plainly good.

    Which one of two was the miss that began at the very same moment is not known. The clock counts
    nanoseconds.
    """

    began_at: list[float]
    misses: list[Miss]

    @property
    def failed(self) -> int:
        """The number of those that failed."""
        return sum(failed for _, failed, _ in self.misses)

    @property
    def slow(self) -> int:
        """The number of those that were slow."""
        return sum(slow for _, _, slow in self.misses)


class Outcomes:
    """The deliveries of one side that have ended, by seconds of any one clock.

    Failed is anything but an ack; slow is longer than `slow_seconds`, None: nothing is slow. Those
    with a sticky key wait apart until it is known which one of each key comes first.
    """

    __slots__ = ("_good", "_keyed", "_misses", "_slow_seconds", "failed_at")

    def __init__(self, slow_seconds: float | None = None) -> None:
        self._slow_seconds = inf if slow_seconds is None else slow_seconds
        self._good: list[float] = []
        self._misses: list[Miss] = []
        self._keyed: list[Keyed] = []
        self.failed_at = -inf

    def __len__(self) -> int:
        """Return the number of deliveries that are not counted yet."""
        return len(self._good) + len(self._misses) + len(self._keyed)

    def acked(self, began_at: float, seconds: float, key: str | None = None) -> None:
        """Note an ack."""
        slow = seconds > self._slow_seconds
        if key is None and not slow:  # as nearly always
            self._good.append(began_at)
        else:
            self._add(began_at, key, failed=False, slow=slow)

    def failed(self, began_at: float, seconds: float, key: str | None = None) -> None:
        """Note a failure."""
        self.failed_at = max(self.failed_at, began_at + seconds)
        self._add(began_at, key, failed=True, slow=seconds > self._slow_seconds)

    def hung(self, began_at: float, key: str | None = None) -> None:
        """Note that there is no outcome within the grace time: it is not failed, and slow."""
        self._add(began_at, key, failed=False, slow=self._slow_seconds < inf, hung=True)

    def failed_late(self, now: float, key: str | None = None) -> None:
        """Note that what hung has failed: one more failure, in the order of this moment."""
        self.failed_at = max(self.failed_at, now)
        self._add(now, key, failed=True, slow=False, hung=True)

    def _add(
        self, began_at: float, key: str | None, *, failed: bool, slow: bool, hung: bool = False
    ) -> None:
        if key is not None:
            self._keyed.append(Keyed(began_at, key, failed, slow, hung))
        elif failed or slow:
            self._misses.append((began_at, failed, slow))
        else:
            self._good.append(began_at)

    def take_keyed(self, until: float) -> list[Keyed]:
        """Remove and return what has a key and began by then, in any order."""
        taken = [each for each in self._keyed if each.began_at <= until]
        if taken:
            self._keyed = [each for each in self._keyed if each.began_at > until]
        return taken

    def count_keyed(self, first: Keyed) -> None:
        """Count a delivery with the others, since it is the first of its key."""
        self._add(first.began_at, None, failed=first.failed, slow=first.slow)

    def take(self, until: float) -> Taken:
        """Remove and return what began by then, apart from what has a key."""
        began_at, misses = self._good, self._misses
        began_at.sort()
        end = bisect_right(began_at, until)
        self._good = began_at[end:]
        del began_at[end:]
        if misses:
            misses.sort()
            end = bisect_right(misses, (until, True, True))
            self._misses = misses[end:]
            del misses[end:]
            began_at.extend([each[0] for each in misses])
            began_at.sort()
        return Taken(began_at, misses)
