"""A limit of a version's concurrency that finds itself, on latency and refusals.

After Netflix's concurrency-limits (https://github.com/Netflix/concurrency-limits): the mean latency
of a window is compared with a baseline. Three things are different here. The limit grows only by
deliveries that asked for a slot, one for each quick ack, so that a service that hangs is given no
more. The baseline follows latency up only where a lower limit did not help, so that a queue that
the gateway itself makes never becomes the normal state. And a busy limit is halved for one window
from time to time: where that makes the service quicker, its queue was the gateway's.
"""

from __future__ import annotations

from typing import Final

FIRST_LIMIT: Final = 20

WINDOW_SECONDS: Final = 0.1
"""How long a window lasts at least; it also has as many results as may be in flight."""

FEWEST_RESULTS: Final = 20
MOST_RESULTS: Final = 100

TOLERANCE: Final = 1.5
"""By how much the mean latency may be above the baseline, as a factor."""

SLACK_SECONDS: Final = 0.02
"""And in seconds: less than this is the event loop's own, and no service is overloaded by it."""

DEEPEST_CUT: Final = 0.5
"""No window leaves less of the limit: the next one is measured at the new limit."""

REFUSED_SHARE: Final = 0.05
"""Above this share of refusals and timeouts the limit is lowered, by that share."""

HELPED: Final = 0.85
"""A lower limit that leaves no more than this of the latency has helped."""

SMALLEST_CUT: Final = 0.8
"""A cut goes at least this far, so that it shows whether it helps."""

DRIFT: Final = 0.25
"""The part of the way that the baseline goes, up where a cut has not helped, and down."""

CREDIT_PART: Final = 0.25
"""How much of the limit quick acks may have earned at a time: a service that hangs gets no more."""

STEP_AFTER_CUT: Final = 0.2
"""How much the limit may grow in a window once it was cut; else it may double."""

CALM_WINDOWS: Final = 50
"""How many windows without another cut let it double again."""

UNUSED_DECAY: Final = 0.95
"""What a window leaves of a limit that was not used by half."""

FIRST_PROBE_SECONDS: Final = 1.0
LONGEST_PROBE_SECONDS: Final = 30.0


class ConcurrencyLimit:
    """How many deliveries a version may have at once, from `least` to `most`.

    `limit` is what is in force, `limit_before` what was before the last window ended: messages that
    were received by it may wait. All times are seconds of one clock.
    """

    __slots__ = (
        "_acked_at",
        "_acks",
        "_baseline",
        "_before_cut",
        "_calm",
        "_counts_from",
        "_credit",
        "_expected",
        "_last_expected",
        "_limit_before_probe",
        "_most_credit",
        "_peak",
        "_probe_at",
        "_probe_seconds",
        "_refused",
        "_room",
        "_seconds",
        "_window_ends_at",
        "least",
        "limit",
        "limit_before",
        "most",
    )

    def __init__(self, least: int, most: int, first: int = FIRST_LIMIT) -> None:
        self.least = least
        self.most = most
        self.limit = self.limit_before = max(least, min(most, first))
        self._baseline = 0.0  # unknown
        self._acked_at = float("-inf")
        self._calm = CALM_WINDOWS  # windows since the last cut
        self._before_cut = 0.0  # the latency that led to it
        self._counts_from = 0.0
        self._probe_at = 0.0
        self._probe_seconds = FIRST_PROBE_SECONDS
        self._limit_before_probe = 0
        self._peak = 0
        self._expected = 0
        self._last_expected = 0
        self._credit = 0
        self._room = 0
        self._begin_window(0.0)

    def hold_to(self, least: int, most: int) -> None:
        """Use other bounds from now on."""
        self.least = least
        self.most = most
        self.limit_before = self.limit
        self.limit = max(least, min(most, self.limit))
        self._limit_before_probe = 0

    @property
    def tolerated_seconds(self) -> float:
        """The mean latency above which the limit is lowered; 0 while nothing is known."""
        return TOLERANCE * self._baseline + SLACK_SECONDS if self._baseline else 0.0

    def widen(self) -> bool:
        """Raise the limit by one for a delivery that found no slot; return whether it may go.

        At most one for each quick ack of this window, so that it may double in one.
        """
        if not self.ready:
            return False
        self._credit -= 1
        self._room -= 1
        self.limit += 1
        return True

    def expect(self, in_flight: int) -> None:
        """Raise the limit for messages that are on their way, as far as it may be.

        Fewer receives would be made for a quick service than there could be.
        """
        self._last_expected = in_flight
        self._expected = max(self._expected, in_flight)
        while self.limit < in_flight and self.widen():
            pass

    def rising(self, now: float) -> bool:
        """Whether it is about to rise: quick acks come, and it was not cut for long."""
        recent = now < self._acked_at + WINDOW_SECONDS
        return recent and self.limit < self.most and self._calm >= CALM_WINDOWS

    @property
    def ready(self) -> int:
        """By how much the limit could be raised at this moment."""
        if not self._calm or self._limit_before_probe:
            return 0
        return min(self._credit, self._room, self.most - self.limit)

    def acked(self, began_at: float, now: float, in_flight: int) -> None:
        """Count an ack. `in_flight` deliveries were under way, this one included."""
        self._peak = max(self._peak, in_flight)
        self._acked_at = now
        if now < self._counts_from:  # as slow as it was with more in flight than there may be now
            return
        seconds = now - began_at
        self._seconds += seconds
        self._acks += 1
        if not self._baseline or seconds <= self.tolerated_seconds:
            self._credit = min(self._credit + 1, self._most_credit)
        if now >= self._window_ends_at and self._acks + self._refused >= self._wanted():
            self._end_window(now)

    def refused(self, now: float, in_flight: int) -> None:
        """Count a refusal, or a delivery that got no response."""
        self._peak = max(self._peak, in_flight)
        if now < self._counts_from:
            return
        self._refused += 1
        if now >= self._window_ends_at and self._acks + self._refused >= self._wanted():
            self._end_window(now)

    def _wanted(self) -> int:
        return max(min(FEWEST_RESULTS, 2 * self.limit), min(self.limit, MOST_RESULTS))

    def _begin_window(self, now: float) -> None:
        self._window_ends_at = max(now, self._counts_from) + WINDOW_SECONDS
        self._acks = 0
        self._refused = 0
        self._seconds = 0.0
        self._peak = 0
        self._expected = self._last_expected
        self._credit = 0
        self._room = self.limit
        self._most_credit = max(1, int(self.limit * CREDIT_PART))
        if self._calm < CALM_WINDOWS:
            self._room = max(1, int(self.limit * STEP_AFTER_CUT))

    def _end_window(self, now: float) -> None:
        latency = self._seconds / self._acks if self._acks else 0.0
        refused = self._refused / (self._acks + self._refused)
        self.limit_before = self.limit
        if refused > REFUSED_SHARE:
            self._cut(1 - refused, now + latency)
        elif self._limit_before_probe:
            self._end_probe(latency, now)
        else:
            self._judge(latency, now)
        self._begin_window(now)

    def _judge(self, latency: float, now: float) -> None:
        self._learn(latency)
        tolerated = self.tolerated_seconds
        if latency > tolerated:
            # Where the limit grew in this window its latency is no measure for the next one.
            before = 0.0 if self._calm else latency
            self._cut(min(SMALLEST_CUT, tolerated / latency), now + latency)
            self._before_cut = before
            return
        self._before_cut = 0.0
        self._calm = min(self._calm + 1, CALM_WINDOWS)
        needed = max(self._peak, self._expected)
        if 2 * needed <= self.limit:
            unused = max(2 * needed, int(self.limit * UNUSED_DECAY))
            self.limit = max(self.least, min(self.limit, unused))
        elif not self._probe_at:
            self._probe_at = now + self._probe_seconds
        elif 2 * self._peak > self.limit and now >= self._probe_at:
            self._begin_probe(latency, now)

    def _learn(self, latency: float) -> None:
        if not self._baseline:
            self._baseline = latency
            return
        unhelped = latency > self.tolerated_seconds and latency > HELPED * self._before_cut > 0
        if unhelped or latency < self._baseline:
            self._baseline += (latency - self._baseline) * DRIFT

    def _cut(self, factor: float, counts_from: float) -> None:
        used = min(self.limit, self._peak)
        self.limit = max(self.least, int(used * max(DEEPEST_CUT, factor)))
        self._limit_before_probe = 0
        self._before_cut = 0.0
        self._calm = 0
        self._counts_from = counts_from

    def _begin_probe(self, latency: float, now: float) -> None:
        """Halve the limit for one window, where there may be a queue and room for less of it."""
        lower = max(self.least, self.limit // 2)
        if latency <= SLACK_SECONDS or lower >= self.limit:
            return
        self._limit_before_probe, self.limit = self.limit, lower
        self._before_cut = latency
        self._counts_from = now + latency

    def _end_probe(self, latency: float, now: float) -> None:
        """Keep the lower limit where the service was quicker by it; else go back.

        Where it was quicker than ever, half of that is tried at once.
        """
        before, self._limit_before_probe = self._limit_before_probe, 0
        quickest = latency < HELPED * self._baseline
        if latency > HELPED * self._before_cut:
            self.limit = before
            self._baseline += max(0.0, latency - self._baseline) * DRIFT
        self._before_cut = 0.0
        if quickest:
            self._baseline = latency
            self._probe_seconds = FIRST_PROBE_SECONDS
            self._begin_probe(latency, now)
        else:
            self._probe_seconds = min(2 * self._probe_seconds, LONGEST_PROBE_SECONDS)
            self._probe_at = now + self._probe_seconds
