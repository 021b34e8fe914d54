"""Messages are counted in the order in which their deliveries began."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.core.rollout.collector import GRACE_SECONDS, Collector
from gateway.core.rollout.judge import Bounds, counts_between
from gateway.core.rollout.outcomes import Outcomes, Taken
from tools.simulation.deliveries import Deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence


class Counted(Deliveries):
    """Deliveries of a collector that says what each advance counts."""

    def __init__(self, slow_seconds: float | None = None) -> None:
        super().__init__(Collector(Bounds(max_p99_seconds=slow_seconds), 50))

    def count(self, now: float) -> tuple[tuple[int, int, int], ...]:
        """Return messages, failed and slow of canary and stable, of what is counted by now."""
        before: Sequence[float] = tuple(self.collector.values)
        self.advance(now)
        return tuple(
            (each.messages, each.failed, each.slow)
            for each in counts_between(self.collector.values, before)
        )


NONE = (0, 0, 0)


def test_an_outcome_waits_for_those_that_began_before_it() -> None:
    """A canary that fails fast and succeeds slowly is not judged by its failures first."""
    order = Counted()
    slow = order.begin(0.0, canary=True)
    fast = order.begin(0.1, canary=True)
    order.end(fast, 0.2, failed=True)
    assert order.count(0.3) == (NONE, NONE)
    order.end(slow, 3.0, failed=False)
    assert order.count(3.0) == ((2, 1, 0), NONE)
    assert len(order.collector) == 0


def test_what_began_before_the_oldest_under_way_is_counted_and_nothing_after_it() -> None:
    order = Counted()
    order.end(order.begin(0.0, canary=True), 0.5, failed=False)
    order.begin(0.1, canary=False)
    order.end(order.begin(0.2, canary=True), 0.3, failed=True)
    assert order.count(0.6) == ((1, 0, 0), NONE)
    assert len(order.collector) == 1


def test_after_the_grace_time_an_unfinished_delivery_is_neither_failed_nor_waited_for() -> None:
    order = Counted()
    hanging = order.begin(0.0, canary=True)
    other = order.begin(1.0, canary=False)
    order.end(other, 1.1, failed=False)
    assert order.count(GRACE_SECONDS - 0.1) == (NONE, NONE)
    assert order.count(GRACE_SECONDS) == ((1, 0, 0), (1, 0, 0))
    order.end(hanging, 30.0, failed=True)
    assert order.count(30.0) == ((1, 1, 0), NONE)


def test_a_late_failure_keeps_to_the_order_of_time() -> None:
    """Else what began before it would be paired as if it came later."""
    order = Counted()
    hanging = order.begin(0.0, canary=True)
    order.count(GRACE_SECONDS)
    earlier = order.begin(7.0, canary=False)
    order.end(hanging, 8.0, failed=True)
    assert order.count(8.0) == (NONE, NONE)
    order.end(earlier, 9.0, failed=False)
    assert order.count(9.0) == ((1, 1, 0), (1, 0, 0))


def test_a_late_success_adds_nothing() -> None:
    order = Counted()
    hanging = order.begin(0.0, canary=True)
    order.count(GRACE_SECONDS)
    order.end(hanging, 30.0, failed=False)
    assert order.count(30.0) == (NONE, NONE)


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize(("limit", "slow"), [(2.0, 1), (None, 0)])
def test_slow_is_over_the_limit_and_nothing_without_one(
    limit: float | None, slow: int, *, failed: bool
) -> None:
    order = Counted(limit)
    delivery = order.begin(0.0, canary=True)
    order.end(delivery, 2.5, failed=failed)
    assert order.count(3.0) == ((1, failed, slow), NONE)


@pytest.mark.parametrize(("limit", "slow"), [(2.0, 1), (None, 0)])
def test_what_hangs_is_slow_where_there_is_a_limit(limit: float | None, slow: int) -> None:
    order = Counted(limit)
    order.begin(0.0, canary=True)
    assert order.count(GRACE_SECONDS) == ((1, 0, slow), NONE)


def test_the_grace_time_is_never_shorter_than_the_limit_on_latency() -> None:
    """Else a delivery of six seconds would count as slow where ten are allowed."""
    order = Counted(10.0)
    delivery = order.begin(0.0, canary=True)
    assert order.count(9.0) == (NONE, NONE)
    order.end(delivery, 9.5, failed=False)
    assert order.count(9.5) == ((1, 0, 0), NONE)


def test_a_delivery_that_was_given_up_counts_for_nobody() -> None:
    order = Counted()
    dropped = order.begin(0.0, canary=True)
    kept = order.begin(0.1, canary=False)
    order.end(kept, 0.2, failed=False)
    order.drop(dropped)
    assert order.count(0.3) == (NONE, (1, 0, 0))
    assert order.count(9.0) == (NONE, NONE)


def test_what_is_taken_is_in_order_however_it_ended() -> None:
    outcomes = Outcomes(2.0)
    outcomes.acked(3.0, 0.1)
    outcomes.failed(2.0, 1.5)
    outcomes.acked(1.0, 3.0)
    outcomes.acked(9.0, 0.1)
    assert outcomes.take(3.0) == Taken([1.0, 2.0, 3.0], [(1.0, False, True), (2.0, True, False)])
    assert len(outcomes) == 1
    assert outcomes.take(9.0) == Taken([9.0], [])
