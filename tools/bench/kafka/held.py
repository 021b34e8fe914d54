"""How well versions keep to their `max_rate`: by how many had come at each moment."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from tools.bench.report import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Counts = Sequence[tuple[float, int]]
    """Seconds from the start on, and how many had come by then."""

WINDOW_SECONDS: Final = 10.0
NEAR: Final = 0.05
_TENTHS: Final = 10


@dataclass(frozen=True, slots=True)
class Held:
    """A version's rates, all a second: wanted, over all the time, lowest and highest of 10 s."""

    wanted: float
    mean: float
    lowest: float
    highest: float

    @property
    def near(self) -> bool:
        """Whether all of the time it was within 5 % of what was wanted."""
        rates = (self.mean, self.lowest, self.highest)
        return all(abs(rate / self.wanted - 1) <= NEAR for rate in rates)


def by_tenths(moments: Sequence[float], begun: float, seconds: float) -> Counts:
    """Count what came by each tenth of a second; both times are of one clock."""
    came = [0] * round(seconds * _TENTHS)
    for moment in moments:
        tenth = int((moment - begun) * _TENTHS // 1)
        if 0 <= tenth < len(came) and moment >= begun:
            came[tenth] += 1
    totals = accumulate(came, initial=0)
    return [(tenth / _TENTHS, total) for tenth, total in enumerate(totals)]


def held(counts: Counts, wanted: float) -> Held:
    """Hold what came against the rate that was wanted."""
    moments, windows = [moment for moment, _ in counts], []
    for before in counts:
        after = bisect_left(moments, before[0] + WINDOW_SECONDS)
        if after < len(counts):
            windows.append(_rate(before, counts[after]))
    mean = _rate(counts[0], counts[-1])
    return Held(wanted, mean, min(windows, default=mean), max(windows, default=mean))


def text(found: Mapping[tuple[str, str], Held], behind: Mapping[str, int]) -> str:
    """Return the figures; `behind` is by route, of the partition that is most so."""
    head = ["to", "version", "max_rate", "records/s", "off", "worst 10 s", "off", "behind"]
    rows = [
        [
            place,
            version,
            f"{each.wanted:g}",
            f"{each.mean:.1f}",
            _off(each.mean, each),
            f"{_worst(each):.1f}",
            _off(_worst(each), each),
            f"{behind[place]:,}",
        ]
        for (place, version), each in found.items()
    ]
    far = [" ".join(what) for what, each in found.items() if not each.near]
    result = f"not within {NEAR:.0%}: {', '.join(far)}" if far else f"all within {NEAR:.0%}"
    return "\n".join([table(head, rows), "", *_NOTES, f"result: {result}"])


def _rate(before: tuple[float, int], after: tuple[float, int]) -> float:
    return (after[1] - before[1]) / (after[0] - before[0])


def _worst(each: Held) -> float:
    return max(each.lowest, each.highest, key=lambda rate: abs(rate - each.wanted))


def _off(rate: float, each: Held) -> str:
    return f"{rate / each.wanted - 1:+.1%}"


_NOTES: Final = (
    "to topics: by the timestamps of the records that the broker has; to services: as they came",
    "worst 10 s: of all stretches of 10 s, the one whose rate is furthest from max_rate",
    "behind: records between the committed offset and the newest in memory, at the end, of the",
    "  partition with most: the canary is offered more than its rate, and the rest of it waits",
)
