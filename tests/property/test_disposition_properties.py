"""Backoff stays within its bounds, and every answer means something."""

from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.delivery.backoff import backoff_seconds, whole_seconds
from gateway.core.delivery.disposition import (
    Ack,
    Broken,
    DeliveryResult,
    Responded,
    Retry,
    TimedOut,
    Unreachable,
    describe,
    falls_back,
    judge,
)
from gateway.core.routing.route import Backoff, Fallback, FallbackOn

TWELVE_HOURS = 12 * 60 * 60
FRACTIONS = st.floats(0, 1)
RECEIVES = st.integers(0, 10**6)
BACKOFFS = st.tuples(st.floats(0.001, TWELVE_HOURS), st.floats(0.001, TWELVE_HOURS)).map(
    lambda bounds: Backoff(min(bounds), max(bounds))
)
RESULTS: st.SearchStrategy[DeliveryResult] = st.one_of(
    st.builds(Responded, st.integers(100, 999), st.none() | st.floats(0, 1e9)),
    st.builds(Unreachable, st.text()),
    st.builds(TimedOut, st.floats(0, 3_600)),
    st.builds(Broken, st.text()),
)


@given(RECEIVES, BACKOFFS, FRACTIONS)
def test_backoff_stays_within_its_bounds(receives: int, backoff: Backoff, fraction: float) -> None:
    seconds = backoff_seconds(receives, backoff, fraction)
    assert isinstance(seconds, int)
    assert ceil(backoff.min_seconds) <= seconds <= ceil(backoff.max_seconds)


@given(RECEIVES, st.integers(1, 600), st.integers(0, 3_600), FRACTIONS)
def test_backoff_never_exceeds_the_doubled_minimum(
    receives: int, minimum: int, more: int, fraction: float
) -> None:
    seconds = backoff_seconds(receives, Backoff(minimum, minimum + more), fraction)
    assert minimum <= seconds <= min(minimum + more, minimum * 2 ** min(receives, 40))


@given(RECEIVES, BACKOFFS, FRACTIONS, FRACTIONS)
def test_a_higher_roll_never_means_a_shorter_wait(
    receives: int, backoff: Backoff, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert backoff_seconds(receives, backoff, low) <= backoff_seconds(receives, backoff, high)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_whole_seconds_are_rounded_up_within_what_sqs_allows(seconds: float) -> None:
    assert whole_seconds(seconds) == min(TWELVE_HOURS, max(0, ceil(seconds)))


@given(RESULTS, RECEIVES, BACKOFFS, FRACTIONS)
def test_only_a_2xx_acks_and_a_404_is_never_lost(
    result: DeliveryResult, receives: int, backoff: Backoff, fraction: float
) -> None:
    disposition = judge(result, receives, backoff, fraction)
    status = result.status if isinstance(result, Responded) else None
    assert isinstance(disposition, Ack) is (status is not None and 200 <= status <= 299)
    if isinstance(disposition, Retry):
        assert 0 <= disposition.after_seconds <= TWELVE_HOURS
    if status is None or status == 404 or 500 <= status <= 599:
        assert isinstance(disposition, Retry)


@given(RESULTS, st.frozensets(st.sampled_from(FallbackOn)))
def test_only_what_would_be_retried_falls_back(
    result: DeliveryResult, on: frozenset[FallbackOn]
) -> None:
    if falls_back(result, Fallback(on)):
        assert isinstance(judge(result, 1, Backoff(), 0.5), Retry)
        assert on
    assert describe(result)
