"""What a version did over time: deliveries and their p50 and p99, in spans of 5 s and of a minute.

Durations are counted in buckets that grow by a fifth, so that a quantile is off by a tenth at most.
A timeline takes about 8 KiB, however much happens.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Final

from gateway.core.history import History

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.history import Point

FINE_SECONDS: Final = 5
COARSE_SECONDS: Final = 60
KEPT: Final = 60
"""How many closed spans of each length are kept: 5 minutes, and an hour."""

BUCKETS: Final = 100
PER_OCTAVE: Final = 4
LOWEST_SECONDS: Final = 0.0001
"""The buckets end at 0.1 ms * 2 ** (n / 4): the last one but one at 47 minutes."""

MOST_COUNTED: Final = 8
"""Of the durations of one event, of which a busy version has 100 a second; evenly picked."""

_FIELDS: Final = 5  # of a Point
_SHIFT: Final = 1.0 - PER_OCTAVE * math.log2(LOWEST_SECONDS)
_log2: Final = math.log2


class Span:
    """What is counted of a span of time that goes on; -1: nothing was ever."""

    __slots__ = ("acked", "begun", "buckets", "failed")

    def __init__(self, begun: int = -1) -> None:
        self.begun = begun
        self.acked = 0
        self.failed = 0
        self.buckets = [0] * BUCKETS

    def include(self, other: Span) -> None:
        """Add what another span has."""
        self.acked += other.acked
        self.failed += other.failed
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]

    def point(self) -> Point:
        """Return it as a point."""
        p50, p99 = quantile(self.buckets, 0.5), quantile(self.buckets, 0.99)
        return float(self.begun), self.acked, self.failed, p50, p99


class Timeline:
    """The deliveries of one version. Times are those of a clock that never goes back."""

    __slots__ = ("_closed_coarse", "_closed_fine", "_coarse", "_fine")

    def __init__(self) -> None:
        self._fine = Span()
        self._coarse = Span()  # without what is in the fine one
        self._closed_fine = array("d")
        self._closed_coarse = array("d")

    def add(self, now: float, seconds: Sequence[float], *, acked: bool) -> None:
        """Count deliveries that ended now, with how long each took."""
        fine = self._fine
        if now >= fine.begun + FINE_SECONDS or fine.begun < 0:
            fine = self._turn_to(now)
        count = len(seconds)
        if acked:
            fine.acked += count
        else:
            fine.failed += count
        buckets = fine.buckets
        if count > MOST_COUNTED:
            seconds = seconds[:: (count + MOST_COUNTED - 1) // MOST_COUNTED]
        for each in seconds:
            buckets[bucket_of(each)] += 1

    def read(self, now: float, since: float, ahead: float) -> History:
        """Return what ended after `since`, with `ahead` added to the times of this clock."""
        fine, coarse = self._fine, Span(self._coarse.begun)
        if fine.begun < 0:
            return History()
        coarse.include(self._coarse)
        coarse.include(fine)
        oldest = max(since - ahead, now - KEPT * FINE_SECONDS) - FINE_SECONDS
        fine_points = _after(oldest, self._closed_fine, fine.point(), ahead)
        oldest = max(since - ahead, now - KEPT * COARSE_SECONDS) - COARSE_SECONDS
        return History(fine_points, _after(oldest, self._closed_coarse, coarse.point(), ahead))

    def _turn_to(self, now: float) -> Span:
        fine, coarse = self._fine, self._coarse
        if fine.begun >= 0:
            coarse.include(fine)
            _keep(self._closed_fine, fine.point())
        minute = _begin_of(now, COARSE_SECONDS)
        if minute != coarse.begun:
            if coarse.begun >= 0:
                _keep(self._closed_coarse, coarse.point())
            self._coarse = Span(minute)
        self._fine = fine = Span(_begin_of(now, FINE_SECONDS))
        return fine


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration."""
    if seconds <= LOWEST_SECONDS:
        return 0
    bucket = int(PER_OCTAVE * _log2(seconds) + _SHIFT)
    return bucket if bucket < BUCKETS else BUCKETS - 1


def quantile(buckets: Sequence[int], share: float) -> float:
    """Return the duration in seconds that this share of the counted ones does not exceed."""
    wanted = max(1, math.ceil(share * sum(buckets)))
    seen = 0
    for bucket, count in enumerate(buckets):
        seen += count
        if seen >= wanted:
            middle = bucket - 0.5 if bucket else 0.0
            return float(f"{LOWEST_SECONDS * 2.0 ** (middle / PER_OCTAVE):.3g}")
    return 0.0


def _begin_of(now: float, length: int) -> int:
    return int(now) // length * length


def _keep(closed: array[float], point: Point) -> None:
    closed.extend(point)
    del closed[: -KEPT * _FIELDS]


def _after(oldest: float, closed: array[float], last: Point, ahead: float) -> list[Point]:
    """Return the points that begin after `oldest`, the last one with them."""
    points: list[Point] = [
        (closed[at], int(closed[at + 1]), int(closed[at + 2]), closed[at + 3], closed[at + 4])
        for at in range(0, len(closed), _FIELDS)
    ]
    kept = [point for point in (*points, last) if point[0] > oldest]
    return [(round(point[0] + ahead, 3), *point[1:]) for point in kept]
