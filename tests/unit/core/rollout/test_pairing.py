"""The canary's messages are compared with stable's of the same moment."""

from __future__ import annotations

import pytest

from gateway.core.rollout.observation import Observation
from gateway.core.rollout.pairing import SAME_MOMENT_SECONDS, Block, Pairing, block_size


def seen(at: float, *, canary: bool, failed: bool = False, slow: bool = False) -> Observation:
    return Observation(canary, failed, slow, at)


@pytest.mark.parametrize(
    ("weight", "size"), [(1, 89), (5, 17), (10, 8), (25, 3), (50, 1), (75, 3), (99, 89)]
)
def test_a_block_has_about_what_comes_in_between(weight: int, size: int) -> None:
    assert block_size(weight) == size


def test_one_canary_message_and_the_next_of_stable_make_a_block() -> None:
    pairing = Pairing(25)
    assert pairing.add(seen(0.0, canary=True, failed=True)) == []
    assert pairing.add(seen(0.1, canary=False)) == []
    assert pairing.add(seen(0.2, canary=False, failed=True, slow=True)) == []
    blocks = pairing.add(seen(0.3, canary=False))
    assert blocks == [Block(1, 1, 0, 3, 1, 1)]


def test_above_half_one_of_stable_is_compared_with_several_of_the_canary() -> None:
    pairing = Pairing(75)
    pairing.add(seen(0.0, canary=False, failed=True))
    for at in (0.1, 0.2):
        assert pairing.add(seen(at, canary=True)) == []
    assert pairing.add(seen(0.3, canary=True, failed=True)) == [Block(3, 1, 0, 1, 1, 0)]


@pytest.mark.parametrize("weight", [0, 100])
def test_there_is_nothing_to_pair_with_one_side_alone(weight: int) -> None:
    pairing = Pairing(weight)
    assert [pairing.add(seen(at / 10, canary=weight == 100)) for at in range(50)] == [[]] * 50


def test_what_is_older_than_a_moment_is_compared_with_nothing() -> None:
    """Messages of an outage must not be compared with those of another moment."""
    pairing = Pairing(50)
    pairing.add(seen(0.0, canary=False, failed=True))
    assert pairing.add(seen(SAME_MOMENT_SECONDS + 0.1, canary=True)) == []


def test_on_a_slow_queue_a_block_ends_with_what_there_is() -> None:
    pairing = Pairing(1)
    pairing.add(seen(0.0, canary=True))
    pairing.add(seen(0.4, canary=False))
    pairing.add(seen(0.8, canary=False, failed=True))
    assert pairing.advance(SAME_MOMENT_SECONDS) == []
    assert pairing.advance(SAME_MOMENT_SECONDS + 0.1) == [Block(1, 0, 0, 2, 1, 0)]


def test_a_canary_message_without_any_of_stable_is_dropped() -> None:
    pairing = Pairing(10)
    pairing.add(seen(0.0, canary=True))
    assert pairing.advance(5.0) == []
    assert pairing.add(seen(5.1, canary=False)) == []


def test_a_third_that_would_wait_ends_the_block_of_the_first() -> None:
    """Where several of the canary's come in a row, none is lost while stable has messages."""
    pairing = Pairing(10)
    pairing.add(seen(0.0, canary=False))
    for at in (0.1, 0.2):
        assert pairing.add(seen(at, canary=True, failed=True)) == []
    assert pairing.add(seen(0.3, canary=True)) == [Block(1, 1, 0, 1, 0, 0)]


def test_no_more_than_two_blocks_wait_and_the_oldest_go() -> None:
    pairing = Pairing(25)
    for at in range(9):
        pairing.add(seen(at / 100, canary=False, failed=at < 3))
    assert pairing.add(seen(0.1, canary=True)) == [Block(1, 0, 0, 3, 0, 0)]
