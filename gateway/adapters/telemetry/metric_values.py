"""The values of metrics: plain numbers, and histograms that search their buckets by bisection."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Sequence


class Number:
    """The value of a counter or gauge."""

    __slots__ = ("value",)

    def __init__(self, value: float = 0) -> None:
        self.value = value


def unknown() -> Number:
    """Return a number that is in no scrape until it is set."""
    return Number(math.nan)


class Histogram:
    """The number of values in each bucket; the last bucket has no upper edge."""

    __slots__ = ("counts", "edges", "total")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total = 0.0

    def observe(self, values: Sequence[float]) -> None:
        """Count values."""
        counts, edges = self.counts, self.edges
        for value in values:
            counts[bisect_left(edges, value)] += 1
        self.total += sum(values)

    def buckets(self) -> list[tuple[str, float]]:
        """Return (upper edge, number of values up to and including it)."""
        edges = map(floatToGoString, (*self.edges, float("inf")))
        return list(zip(edges, accumulate(self.counts), strict=True))
