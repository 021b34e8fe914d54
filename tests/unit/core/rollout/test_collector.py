"""What counts: the first message of each key in a step, beside stable."""

from __future__ import annotations

from gateway.core.rollout.collector import Collector
from gateway.core.rollout.judge import Bounds, counts_between
from gateway.core.rollout.starts import NOTHING


def test_a_key_counts_once_in_a_step() -> None:
    """One customer whose messages all fail is one failure, not a bad canary."""
    collector = Collector(Bounds(), 50)
    for at in range(100):
        pending = collector.begin(float(at), canary=True, key="acme")
        if pending is not None:
            collector.end(pending, at + 0.1, failed=True)
    collector.advance(200.0)
    canary, _ = counts_between(collector.values, NOTHING)
    assert (canary.messages, canary.failed) == (1, 1)
    collector.begin_step(75)
    assert collector.begin(201.0, canary=True, key="acme") is not None


def test_slow_services_are_compared_with_the_moment_of_their_beginning() -> None:
    """Deliveries of three seconds end three seconds late, and are paired all the same."""
    collector = Collector(Bounds(), 50)
    for at in range(20):
        began = at * 10.0
        pair = [collector.begin(began + side / 10, canary=bool(side)) for side in (0, 1)]
        for pending in pair:
            assert pending is not None
            collector.end(pending, began + 3.0, failed=False)
        collector.advance(began + 3.0)
    assert collector.values[0] == 20


def test_it_says_when_there_is_a_failure_to_look_at() -> None:
    collector = Collector(Bounds(), 50)
    pending = collector.begin(0.0, canary=True)
    assert pending is not None
    collector.end(pending, 0.1, failed=False)
    assert not collector.advance(0.1)
    pending = collector.begin(0.2, canary=False)
    assert pending is not None
    collector.end(pending, 0.3, failed=True)
    assert collector.advance(0.3)


def test_restored_sums_go_on() -> None:
    first = Collector(Bounds(), 50)
    pending = first.begin(0.0, canary=True)
    assert pending is not None
    first.end(pending, 0.1, failed=True)
    first.advance(0.1)
    again = Collector(Bounds(), 50, list(first.values))
    canary, _ = counts_between(again.values, NOTHING)
    assert (canary.messages, canary.failed) == (1, 1)


def test_it_is_due_once_a_second_and_at_each_end_after_a_failure() -> None:
    """The message that decides may be a later one, which the failure waits for."""
    collector = Collector(Bounds(), 50)
    assert collector.is_due(0.0)
    collector.advance(0.0)
    assert not collector.is_due(0.9)
    pending = collector.begin(0.5, canary=True)
    assert pending is not None
    collector.end(pending, 0.6, failed=True)
    collector.advance(0.6)
    assert collector.is_due(0.7)
    collector.advance(1.7)
    assert not collector.is_due(1.8)
    assert collector.is_due(2.7)


def test_a_failure_is_worth_a_look_again_when_its_block_is_complete() -> None:
    collector = Collector(Bounds(), 50)
    for at, is_canary in ((0.0, True), (0.1, False)):
        pending = collector.begin(at, canary=is_canary)
        assert pending is not None
        collector.end(pending, at + 0.01, failed=is_canary)
        assert collector.advance(at + 0.01)
    assert collector.values[0] == 1
