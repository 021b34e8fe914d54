"""What a version did over time: spans of 5 s over 5 minutes, and of a minute over an hour."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.telemetry.timeline import KEPT, Timeline, bucket_of, quantile

AHEAD = 1_800_000_000.0


def read(timeline: Timeline, now: float, since: float = 0.0) -> tuple[list[object], list[object]]:
    found = timeline.read(now, since, AHEAD)
    return list(found.fine), list(found.coarse)


def test_a_timeline_without_a_delivery_is_empty() -> None:
    assert read(Timeline(), 1_000.0) == ([], [])


def test_deliveries_are_counted_in_the_span_that_they_ended_in() -> None:
    timeline = Timeline()
    timeline.add(1_000.0, [0.1, 0.1], acked=True)
    timeline.add(1_004.9, [0.1], acked=False)
    timeline.add(1_005.0, [0.1], acked=True)
    fine, coarse = read(timeline, 1_006.0)
    assert [point[:3] for point in fine] == [  # type: ignore[index]
        (AHEAD + 1_000, 2, 1),
        (AHEAD + 1_005, 1, 0),
    ]
    assert [point[:3] for point in coarse] == [(AHEAD + 960, 3, 1)]  # type: ignore[index]


def test_a_minute_is_the_sum_of_its_spans_also_when_it_is_over() -> None:
    timeline = Timeline()
    for second in range(0, 120, 3):
        timeline.add(960.0 + second, [0.01], acked=second % 2 == 0)
    _, coarse = read(timeline, 1_080.0)
    assert [point[1:3] for point in coarse] == [(10, 10), (10, 10)]  # type: ignore[index]


def test_spans_without_a_delivery_are_left_out_and_old_ones_are_forgotten() -> None:
    timeline = Timeline()
    timeline.add(1_000.0, [0.1], acked=True)
    timeline.add(1_100.0, [0.1], acked=True)
    assert [point[0] for point in read(timeline, 1_101.0)[0]] == [  # type: ignore[index]
        AHEAD + 1_000,
        AHEAD + 1_100,
    ]
    assert [point[0] for point in read(timeline, 1_320.0)[0]] == [AHEAD + 1_100]  # type: ignore[index]
    assert read(timeline, 10_000.0) == ([], [])


def test_only_what_ended_after_a_moment_is_read_where_one_is_given() -> None:
    timeline = Timeline()
    for second in range(0, 60, 5):
        timeline.add(960.0 + second, [0.1], acked=True)
    fine, _ = read(timeline, 1_016.0, since=AHEAD + 1_010.5)
    assert [point[0] for point in fine] == [AHEAD + 1_010, AHEAD + 1_015]  # type: ignore[index]


def test_its_size_is_bounded_however_much_happens() -> None:
    """The documentation says 8 KiB; the small integers of the buckets are shared by all."""
    timeline = Timeline()
    for second in range(0, 2 * 3600, 5):
        timeline.add(float(second), [0.1] * 100, acked=True)
    assert len(read(timeline, 7_195.0)[0]) <= KEPT + 1
    assert len(read(timeline, 7_195.0)[1]) <= KEPT + 1
    parts = [timeline._closed_fine, timeline._closed_coarse]
    parts += [timeline._fine.buckets, timeline._coarse.buckets]
    assert sum(map(sys.getsizeof, [timeline, timeline._fine, timeline._coarse, *parts])) < 8_192


def test_many_durations_of_one_event_are_thinned_out_evenly_and_all_are_counted() -> None:
    timeline = Timeline()
    timeline.add(1_000.0, [0.01] * 500 + [1.0] * 500, acked=True)
    ((_, acked, _, p50, p99),) = read(timeline, 1_001.0)[0]  # type: ignore[misc]
    assert acked == 1_000
    assert p50 == pytest.approx(0.01, rel=0.1)
    assert p99 == pytest.approx(1.0, rel=0.1)


@given(st.lists(st.floats(0.0002, 2_000.0), min_size=1, max_size=200), st.sampled_from([0.5, 0.99]))
def test_a_quantile_is_off_by_a_tenth_at_most(durations: list[float], share: float) -> None:
    buckets = [0] * 100
    for each in durations:
        buckets[bucket_of(each)] += 1
    exact = sorted(durations)[max(0, -int(-share * len(durations) // 1) - 1)]
    assert quantile(buckets, share) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0, 0), (1e-9, 0), (1e9, 99)])
def test_durations_out_of_range_have_a_bucket_too(seconds: float, bucket: int) -> None:
    assert bucket_of(seconds) == bucket
