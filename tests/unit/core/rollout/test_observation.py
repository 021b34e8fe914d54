"""Messages are counted in the order in which their deliveries began."""

from __future__ import annotations

from gateway.core.rollout.observation import GRACE_SECONDS, Observation, StartOrder


def failures(observations: list[Observation]) -> list[bool]:
    return [each.failed for each in observations]


def test_an_outcome_waits_for_those_that_began_before_it() -> None:
    """A canary that fails fast and succeeds slowly is not judged by its failures first."""
    order = StartOrder()
    slow = order.begin(0.0, canary=True)
    fast = order.begin(0.1, canary=True)
    order.end(fast, 0.2, failed=True)
    assert order.take(0.3) == []
    order.end(slow, 3.0, failed=False)
    assert failures(order.take(3.0)) == [False, True]
    assert len(order) == 0


def test_after_the_grace_time_an_unfinished_delivery_is_neither_failed_nor_waited_for() -> None:
    order = StartOrder()
    hanging = order.begin(0.0, canary=True)
    other = order.begin(1.0, canary=False)
    order.end(other, 1.1, failed=False)
    assert order.take(GRACE_SECONDS - 0.1) == []
    assert failures(order.take(GRACE_SECONDS)) == [False, False]
    order.end(hanging, 30.0, failed=True)
    late = order.take(30.0)
    assert late == [Observation(canary=True, failed=True, slow=False, at=30.0)]


def test_a_late_failure_keeps_to_the_order_of_time() -> None:
    """Else what began before it would be paired as if it came later."""
    order = StartOrder()
    hanging = order.begin(0.0, canary=True)
    order.take(GRACE_SECONDS)
    earlier = order.begin(7.0, canary=False)
    order.end(hanging, 8.0, failed=True)
    assert order.take(8.0) == []
    order.end(earlier, 9.0, failed=False)
    assert [each.at for each in order.take(9.0)] == [7.0, 8.0]


def test_a_late_success_adds_nothing() -> None:
    order = StartOrder()
    hanging = order.begin(0.0, canary=True)
    order.take(GRACE_SECONDS)
    order.end(hanging, 30.0, failed=False)
    assert order.take(30.0) == []


def test_slow_is_over_the_limit_and_nothing_without_one() -> None:
    for limit, expected in ((2.0, True), (None, False)):
        order = StartOrder(limit)
        pending = order.begin(0.0, canary=True)
        order.end(pending, 2.5, failed=False)
        assert [each.slow for each in order.take(3.0)] == [expected]


def test_the_grace_time_is_never_shorter_than_the_limit_on_latency() -> None:
    """Else a delivery of six seconds would count as slow where ten are allowed."""
    order = StartOrder(10.0)
    pending = order.begin(0.0, canary=True)
    assert order.take(9.0) == []
    order.end(pending, 9.5, failed=False)
    assert [each.slow for each in order.take(9.5)] == [False]


def test_a_delivery_that_was_given_up_counts_for_nobody() -> None:
    order = StartOrder()
    dropped = order.begin(0.0, canary=True)
    kept = order.begin(0.1, canary=False)
    order.end(kept, 0.2, failed=False)
    order.drop(dropped)
    assert [each.canary for each in order.take(0.3)] == [False]
    order.end(dropped, 9.0, failed=True)
    assert order.take(9.0) == []


def test_what_is_complete_reaches_to_the_oldest_that_is_pending() -> None:
    order = StartOrder()
    assert order.complete_until(7.0) == 7.0
    pending = order.begin(1.0, canary=True)
    assert order.complete_until(3.0) == 1.0
    order.end(pending, 3.0, failed=False)
    order.take(3.0)
    assert order.complete_until(3.0) == 3.0
