"""Where the tests of a trial begin anew.

A canary with thousands of good messages behind it may turn bad: a test over all of them would not
see it for long. So tests are begun again and again, and each gets a share of the probability of a
false abort that the trial may have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence  # noqa: TC003 - mypyc looks up what a dataclass is made of
from dataclasses import dataclass
from typing import Final

from gateway.core.rollout.evidence import COUNTS, LENGTH

BLOCKS_BETWEEN: Final = 200
_NEWEST: Final = 2
_PER_OCTAVE: Final = 2
_FIRST_SHARE: Final = 0.75
_COUNTS: Final = len(COUNTS)


@dataclass(frozen=True, slots=True)
class Start:
    """The `number`th start of a trial, from 1, and the evidence at that moment, a Unix time."""

    number: int
    values: Sequence[float]
    at: float = 0.0

    @property
    def share(self) -> float:
        """Its share of the probability: 3/4 for the first, the rest for all others together."""
        number = self.number
        return _FIRST_SHARE if number == 1 else (1 - _FIRST_SHARE) / (number * (number - 1))

    def is_reached(self, values: Sequence[float]) -> bool:
        """Whether these sums have all the messages of the start: another replica may have begun it.

        Until then a difference of the two would say nothing.
        """
        counted = zip(values[:_COUNTS], self.values[:_COUNTS], strict=True)
        return all(now >= then for now, then in counted)


NOTHING: Final = (0.0,) * LENGTH


def first_start(values: Sequence[float] = NOTHING, now: float = 0.0) -> tuple[Start, ...]:
    """Return the starts of a new trial."""
    return (Start(1, tuple(values), now),)


def is_due(
    starts: Sequence[Start],
    values: Sequence[float],
    *,
    now: float = 0.0,
    window_seconds: float | None = None,
) -> bool:
    """Whether enough blocks have come since the newest start, or the window is over.

    Where the canary has all messages there are no blocks: then its messages count.
    """
    newest = starts[-1]
    blocks, messages = values[0] - newest.values[0], values[1] - newest.values[1]
    if (blocks or messages) >= BLOCKS_BETWEEN:
        return True
    return window_seconds is not None and messages > 0 and now - newest.at >= window_seconds


def restart(
    starts: Sequence[Start], values: Sequence[float], now: float = 0.0
) -> tuple[Start, ...]:
    """Add a start here. Of the older ones two are kept, and two for each doubling of their age."""
    kept: list[Start] = []
    in_octave = Counter[int]()
    newest = starts[-_NEWEST:]
    for start in starts:  # the oldest first, since they move on to the next doubling
        age = int((values[0] - start.values[0]) // BLOCKS_BETWEEN).bit_length()
        if start in newest or in_octave[age] < _PER_OCTAVE:
            in_octave[age] += 1
            kept.append(start)
    return (*kept, Start(starts[-1].number + 1, tuple(values), now))


def window_of(starts: Sequence[Start], now: float, window_seconds: float) -> Start:
    """Return the start of the last window: the oldest one within it, or the newest there is."""
    within = [start for start in starts if now - start.at <= window_seconds]
    return within[0] if within else starts[-1]
