"""What counts: the first message of each key in a step, beside stable."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.rollout.collector import Collector
from gateway.core.rollout.judge import Bounds, counts_between
from gateway.core.rollout.starts import NOTHING
from tools.simulation.deliveries import Deliveries


def collected(weight: int = 50, **bounds: Any) -> Deliveries:
    return Deliveries(Collector(Bounds(**bounds), weight))


def canary(deliveries: Deliveries) -> tuple[int, int]:
    """Return the messages and failures of the canary."""
    counts, _ = counts_between(deliveries.collector.values, NOTHING)
    return counts.messages, counts.failed


def test_a_key_counts_once_in_a_step() -> None:
    """One customer whose messages all fail is one failure, not a bad canary."""
    deliveries = collected()
    for at in range(100):
        delivery = deliveries.begin(float(at), canary=True, key="acme")
        deliveries.end(delivery, at + 0.1, failed=True)
    deliveries.advance(200.0)
    assert canary(deliveries) == (1, 1)
    deliveries.collector.begin_step(75, 200.5)
    deliveries.end(deliveries.begin(201.0, canary=True, key="acme"), 201.1, failed=True)
    deliveries.advance(202.0)
    assert canary(deliveries) == (2, 2)


@pytest.mark.parametrize("first_fails", [True, False])
def test_of_a_key_the_message_that_began_first_counts_though_it_ends_last(
    *, first_fails: bool
) -> None:
    deliveries = collected()
    first = deliveries.begin(0.0, canary=True, key="acme")
    second = deliveries.begin(0.1, canary=True, key="acme")
    deliveries.end(second, 0.2, failed=not first_fails)
    deliveries.advance(1.2)
    assert canary(deliveries) == (0, 0)
    deliveries.end(first, 2.0, failed=first_fails)
    deliveries.advance(2.5)
    assert canary(deliveries) == (1, first_fails)


def test_a_key_of_the_step_before_does_not_count_again_though_it_ends_in_this_one() -> None:
    deliveries = collected()
    deliveries.end(deliveries.begin(0.0, canary=True, key="acme"), 0.1, failed=False)
    under_way = deliveries.begin(0.2, canary=True, key="acme")
    deliveries.advance(0.3)
    deliveries.collector.begin_step(75, 0.4)
    deliveries.end(under_way, 0.5, failed=False)
    deliveries.advance(1.0)
    assert canary(deliveries) == (1, 0)
    deliveries.end(deliveries.begin(1.1, canary=True, key="acme"), 1.2, failed=False)
    deliveries.advance(2.0)
    assert canary(deliveries) == (2, 0)


@pytest.mark.parametrize("repeated", [False, True])
def test_a_key_that_hangs_and_fails_then_is_one_failure(*, repeated: bool) -> None:
    deliveries = collected()
    hanging = [deliveries.begin(0.0, canary=True, key="acme")]
    if repeated:
        hanging.append(deliveries.begin(0.1, canary=True, key="acme"))
    deliveries.advance(10.0)
    assert canary(deliveries) == (1, 0)
    for each in hanging:
        deliveries.end(each, 30.0, failed=True)
    deliveries.advance(31.0)
    assert canary(deliveries) == (2, 1)


def test_slow_services_are_compared_with_the_moment_of_their_beginning() -> None:
    """Deliveries of three seconds end three seconds late, and are paired all the same."""
    deliveries = collected()
    for at in range(20):
        began = at * 10.0
        pair = [deliveries.begin(began + side / 10, canary=bool(side)) for side in (0, 1)]
        for delivery in pair:
            deliveries.end(delivery, began + 3.0, failed=False)
        deliveries.advance(began + 3.0)
    assert deliveries.collector.values[0] == 20


def test_it_says_when_there_is_a_failure_to_look_at() -> None:
    deliveries = collected()
    deliveries.end(deliveries.begin(0.0, canary=True), 0.1, failed=False)
    assert not deliveries.advance(0.1)
    deliveries.end(deliveries.begin(0.2, canary=False), 0.3, failed=True)
    assert deliveries.advance(0.3)


def test_restored_sums_go_on() -> None:
    first = collected()
    first.end(first.begin(0.0, canary=True), 0.1, failed=True)
    first.advance(0.1)
    again = Deliveries(Collector(Bounds(), 50, list(first.collector.values)))
    assert canary(again) == (1, 1)


def test_it_is_due_once_a_second_and_often_after_a_failure() -> None:
    """The message that decides may be a later one, which the failure waits for."""
    deliveries = collected()
    assert deliveries.is_due(0.0)
    deliveries.advance(0.0)
    assert not deliveries.is_due(0.9)
    deliveries.end(deliveries.begin(0.5, canary=True), 0.6, failed=True)
    assert deliveries.is_due(0.6)
    deliveries.advance(0.6)
    assert not deliveries.is_due(0.64)
    assert deliveries.is_due(0.7)
    deliveries.advance(1.7)
    assert not deliveries.is_due(1.8)
    assert deliveries.is_due(2.7)


def test_a_failure_is_worth_a_look_again_when_its_block_is_complete() -> None:
    deliveries = collected()
    for at, is_canary in ((0.0, True), (0.1, False)):
        delivery = deliveries.begin(at, canary=is_canary)
        deliveries.end(delivery, at + 0.01, failed=is_canary)
        assert deliveries.advance(at + 0.01)
    assert deliveries.collector.values[0] == 1
