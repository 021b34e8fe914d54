"""Tests begin anew, and share one probability of a false abort."""

from __future__ import annotations

from gateway.core.rollout.starts import (
    BLOCKS_BETWEEN,
    NOTHING,
    first_start,
    is_due,
    restart,
    window_of,
)


def blocks(number: int) -> tuple[float, ...]:
    return (float(number), *NOTHING[1:])


def test_all_shares_together_are_at_most_one() -> None:
    starts = first_start()
    total = starts[0].share
    for number in range(1, 10_000):
        starts = restart(starts, blocks(number * BLOCKS_BETWEEN))
        total += starts[-1].share
    assert 0.99 < total <= 1.0


def test_few_of_many_starts_are_kept_and_they_reach_far_back() -> None:
    starts = first_start()
    for number in range(1, 1_001):
        starts = restart(starts, blocks(number * BLOCKS_BETWEEN))
    assert len(starts) < 30
    assert [start.number for start in starts[-2:]] == [1_000, 1_001]
    assert starts[0].values[0] < 500 * BLOCKS_BETWEEN


def test_a_start_is_due_after_so_many_blocks_or_a_window_with_messages() -> None:
    starts = first_start(now=100.0)
    assert not is_due(starts, blocks(BLOCKS_BETWEEN - 1))
    assert is_due(starts, blocks(BLOCKS_BETWEEN))
    assert not is_due(starts, NOTHING, now=200.0, window_seconds=60.0)
    with_message = (0.0, 1.0, *NOTHING[2:])
    assert is_due(starts, with_message, now=160.0, window_seconds=60.0)
    assert not is_due(starts, with_message, now=159.0, window_seconds=60.0)


def test_where_the_canary_has_all_messages_they_count_for_a_start() -> None:
    """At 100 % there are no blocks: a canary that turns bad there must be seen all the same."""
    starts = first_start()
    assert not is_due(starts, (0.0, BLOCKS_BETWEEN - 1.0, *NOTHING[2:]))
    assert is_due(starts, (0.0, float(BLOCKS_BETWEEN), *NOTHING[2:]))
    assert not is_due(starts, (1.0, float(BLOCKS_BETWEEN), *NOTHING[2:]))


def test_a_start_is_reached_once_all_its_messages_are_known() -> None:
    start = first_start((3.0, 5.0, *NOTHING[2:]))[0]
    assert start.is_reached((3.0, 5.0, 1.0, *NOTHING[3:]))
    assert not start.is_reached((9.0, 4.0, *NOTHING[2:]))


def test_the_window_begins_at_the_oldest_start_within_it() -> None:
    starts = first_start(now=0.0)
    for at in (50.0, 100.0):
        starts = restart(starts, NOTHING, at)
    assert window_of(starts, 110.0, 60.0).at == 50.0
    assert window_of(starts, 1_000.0, 60.0).at == 100.0
