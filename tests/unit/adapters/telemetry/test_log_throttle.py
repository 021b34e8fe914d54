"""The throttle, and flips: what the log says about a thing that fails and works by turns."""

from __future__ import annotations

import pytest

from gateway.adapters.telemetry.log_throttle import LOG_THROTTLE_SECONDS, Flips, LogThrottle
from tests.unit.adapters.fakes import Clock

KEY = ("orders", "canary")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flips(clock: Clock) -> Flips:
    return Flips(clock)


def test_a_throttle_lets_one_through_in_ten_seconds_and_counts_the_others(clock: Clock) -> None:
    throttle = LogThrottle(clock)
    assert [throttle.admit(KEY) for _ in range(4)] == [0, None, None, None]
    clock.now += LOG_THROTTLE_SECONDS - 0.001
    assert throttle.admit(KEY) is None
    clock.now += 0.001
    assert throttle.admit(KEY) == 4
    clock.now += LOG_THROTTLE_SECONDS
    assert throttle.admit(KEY) == 0


def test_a_throttle_keeps_keys_apart(clock: Clock) -> None:
    throttle = LogThrottle(clock)
    assert throttle.admit(KEY) == 0
    assert throttle.admit(("orders", "stable")) == 0


def test_only_the_first_failure_and_the_first_success_after_it_are_due(flips: Flips) -> None:
    assert flips.worked(KEY) is None
    assert [flips.failed(KEY) for _ in range(3)] == [0, None, None]
    assert flips.worked(KEY) == 3
    assert flips.worked(KEY) is None


def test_what_flaps_is_said_once_each_way_in_ten_seconds(flips: Flips, clock: Clock) -> None:
    fails = works = 0
    for _ in range(1_000):
        fails += flips.failed(KEY) is not None
        clock.now += 0.015
        works += flips.worked(KEY) is not None
        clock.now += 0.015
    assert (fails, works) == (3, 3)


def test_a_failure_held_back_is_due_as_soon_as_it_may_be_said(flips: Flips, clock: Clock) -> None:
    """The log must not say `works again` for ever about what has failed since."""
    assert flips.failed(KEY) == 0
    assert flips.worked(KEY) == 1
    assert flips.failed(KEY) is None
    clock.now += LOG_THROTTLE_SECONDS
    assert flips.failed(KEY) == 1


def test_a_success_held_back_is_due_as_soon_as_it_may_be_said(flips: Flips, clock: Clock) -> None:
    assert flips.failed(KEY) == 0
    assert flips.worked(KEY) == 1
    clock.now += LOG_THROTTLE_SECONDS - 1
    assert flips.failed(KEY) is None
    clock.now += 1
    assert flips.failed(KEY) == 1
    assert flips.worked(KEY) == 2


def test_a_success_too_soon_after_the_last_one_waits(flips: Flips, clock: Clock) -> None:
    flips.failed(KEY)
    clock.now += LOG_THROTTLE_SECONDS - 1
    assert flips.worked(KEY) == 1
    clock.now += 1
    assert flips.failed(KEY) == 0
    assert flips.worked(KEY) is None
    clock.now += LOG_THROTTLE_SECONDS
    assert flips.worked(KEY) == 1


def test_a_short_failure_that_was_never_said_needs_no_recovery(flips: Flips) -> None:
    flips.failed(KEY)
    flips.worked(KEY)
    assert flips.failed(KEY) is None
    assert flips.worked(KEY) is None
    assert flips._failures == {}
