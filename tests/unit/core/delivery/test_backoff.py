"""The backoff of a retried message (docs/reference/delivery.md)."""

from __future__ import annotations

import pytest

from gateway.core.delivery.backoff import backoff_seconds, whole_seconds
from gateway.core.routing.route import Backoff

TWELVE_HOURS = 12 * 60 * 60


def test_an_endless_wait_is_the_longest_one() -> None:
    assert whole_seconds(float("inf")) == TWELVE_HOURS
    assert whole_seconds(float("nan")) == TWELVE_HOURS


@pytest.mark.parametrize(
    ("receives", "lowest", "highest"),
    [(0, 2, 2), (1, 2, 4), (2, 2, 8), (3, 2, 16), (7, 2, 256), (8, 2, 300), (9, 2, 300)],
)
def test_backoff_doubles_with_each_receive_up_to_its_maximum(
    receives: int, lowest: int, highest: int
) -> None:
    backoff = Backoff(min_seconds=2, max_seconds=300)
    assert backoff_seconds(receives, backoff, 0.0) == lowest
    assert backoff_seconds(receives, backoff, 1.0) == highest
    assert backoff_seconds(receives, backoff, 0.5) == (lowest + highest) // 2


def test_backoff_is_rounded_up_to_whole_seconds() -> None:
    backoff = Backoff(min_seconds=0.5, max_seconds=60)
    assert backoff_seconds(1, backoff, 0.0) == 1
    assert backoff_seconds(2, backoff, 0.5) == 2  # 1.25
    assert backoff_seconds(2, backoff, 1.0) == 2


def test_backoff_survives_a_message_received_ever_so_often() -> None:
    assert backoff_seconds(10**6, Backoff(), 1.0) == 300
    assert backoff_seconds(10**6, Backoff(max_seconds=10**9), 1.0) == TWELVE_HOURS


def test_backoff_without_room_is_its_minimum() -> None:
    assert backoff_seconds(5, Backoff(min_seconds=7, max_seconds=7), 0.7) == 7


def test_the_longest_delay_may_be_that_of_another_source() -> None:
    assert backoff_seconds(9, Backoff(), 1.0, max_delay_seconds=100) == 100
    assert whole_seconds(1_000.5, max_delay_seconds=900) == 900
    assert whole_seconds(float("nan"), max_delay_seconds=900) == 900
