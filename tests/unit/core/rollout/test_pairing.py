"""The canary's messages are compared with stable's of the same moment."""

from __future__ import annotations

from random import Random

import pytest

from gateway.core.rollout.outcomes import Taken
from gateway.core.rollout.pairing import SAME_MOMENT_SECONDS, Block, Pairing, block_size


class Paired:
    """A pairing that is given one message after the other, and all blocks that it has formed."""

    def __init__(self, weight: int) -> None:
        self._pairing = Pairing(weight)
        self.good = 0

    def add(
        self, at: float, *, canary: bool, failed: bool = False, slow: bool = False
    ) -> list[Block]:
        """Add one message."""
        taken = Taken([at], [(at, failed, slow)] if failed or slow else [])
        return self._add(*((taken, NOBODY) if canary else (NOBODY, taken)), at)

    def advance(self, now: float) -> list[Block]:
        """Let time pass."""
        return self._add(NOBODY, NOBODY, now)

    def _add(self, canary: Taken, stable: Taken, until: float) -> list[Block]:
        good, blocks = self._pairing.add(canary, stable, until)
        self.good += good
        return blocks


NOBODY = Taken([], [])


@pytest.mark.parametrize(
    ("weight", "size"), [(1, 89), (5, 17), (10, 8), (25, 3), (50, 1), (75, 3), (99, 89)]
)
def test_a_block_has_about_what_comes_in_between(weight: int, size: int) -> None:
    assert block_size(weight) == size


def test_one_canary_message_and_the_next_of_stable_make_a_block() -> None:
    pairing = Paired(25)
    assert pairing.add(0.0, canary=True, failed=True) == []
    assert pairing.add(0.1, canary=False) == []
    assert pairing.add(0.2, canary=False, failed=True, slow=True) == []
    blocks = pairing.add(0.3, canary=False)
    assert blocks == [Block(1, 1, 0, 3, 1, 1)]


def test_above_half_one_of_stable_is_compared_with_several_of_the_canary() -> None:
    pairing = Paired(75)
    pairing.add(0.0, canary=False, failed=True)
    for at in (0.1, 0.2):
        assert pairing.add(at, canary=True) == []
    assert pairing.add(0.3, canary=True, failed=True) == [Block(3, 1, 0, 1, 1, 0)]


@pytest.mark.parametrize("weight", [0, 100])
def test_there_is_nothing_to_pair_with_one_side_alone(weight: int) -> None:
    pairing = Paired(weight)
    assert [pairing.add(at / 10, canary=weight == 100) for at in range(50)] == [[]] * 50
    assert pairing.good == 0


def test_what_is_older_than_a_moment_is_compared_with_nothing() -> None:
    """Messages of an outage must not be compared with those of another moment."""
    pairing = Paired(50)
    pairing.add(0.0, canary=False, failed=True)
    assert pairing.add(SAME_MOMENT_SECONDS + 0.1, canary=True) == []


def test_on_a_slow_queue_a_block_ends_with_what_there_is() -> None:
    pairing = Paired(1)
    pairing.add(0.0, canary=True)
    pairing.add(0.4, canary=False)
    pairing.add(0.8, canary=False, failed=True)
    assert pairing.advance(SAME_MOMENT_SECONDS) == []
    assert pairing.advance(SAME_MOMENT_SECONDS + 0.1) == [Block(1, 0, 0, 2, 1, 0)]


def test_a_canary_message_without_any_of_stable_is_dropped() -> None:
    pairing = Paired(10)
    pairing.add(0.0, canary=True)
    assert pairing.advance(5.0) == []
    assert pairing.add(5.1, canary=False) == []
    assert pairing.good == 0


def test_a_third_that_would_wait_ends_the_block_of_the_first() -> None:
    """Where several of the canary's come in a row, none is lost while stable has messages."""
    pairing = Paired(10)
    pairing.add(0.0, canary=False)
    for at in (0.1, 0.2):
        assert pairing.add(at, canary=True, failed=True) == []
    assert pairing.add(0.3, canary=True) == [Block(1, 1, 0, 1, 0, 0)]


def test_no_more_than_two_blocks_wait_and_the_oldest_go() -> None:
    pairing = Paired(25)
    for at in range(9):
        pairing.add(at / 100, canary=False, failed=at < 3)
    assert pairing.add(0.1, canary=True) == []
    assert pairing.good == 1


@pytest.mark.parametrize("weight", [1, 10, 50, 75])
@pytest.mark.parametrize("rate", [0.5, 3.0, 30.0, 1_000.0])
def test_blocks_are_the_same_however_many_messages_are_added_at_once(
    weight: int, rate: float
) -> None:
    """The moment of counting depends on failures, and blocks must not."""
    random = Random(f"{weight} {rate}")
    at, messages = 0.0, []
    for _ in range(3_000):
        at += random.expovariate(rate)
        messages.append((at, random.random() * 100 < weight, random.random() < 0.2))
    one_by_one = Paired(weight)
    expected = [
        block
        for at, canary, failed in messages
        for block in one_by_one.add(at, canary=canary, failed=failed)
    ]
    at_once, good, blocks = Pairing(weight), 0, []
    while messages:
        batch = [messages.pop(0) for _ in range(min(random.randint(1, 400), len(messages)))]
        sides = [
            Taken(
                [at for at, canary, _ in batch if canary is side],
                [(at, True, False) for at, canary, failed in batch if canary is side and failed],
            )
            for side in (True, False)
        ]
        more, found = at_once.add(sides[0], sides[1], batch[-1][0])
        good += more
        blocks += found
    assert expected
    assert (good, blocks) == (one_by_one.good, expected)


@pytest.mark.parametrize("weight", [1, 10, 50, 75])
def test_what_ends_a_block_is_never_an_outcome(weight: int) -> None:
    random = Random(weight)
    arrivals = [
        (n / 100 + random.random() / 200, random.random() * 100 < weight) for n in range(2_000)
    ]
    sizes = []
    for chance in (0.0, 0.3, 1.0):
        pairing, blocks = Paired(weight), []
        for at, canary in arrivals:
            blocks += pairing.add(at, canary=canary, failed=random.random() < chance)
        sizes.append(pairing.good + len(blocks))
    assert len(set(sizes)) == 1
    assert sizes[0] > 5


@pytest.mark.parametrize("weight", [1, 10, 50, 75])
def test_messages_that_come_too_late_break_nothing(weight: int) -> None:
    random = Random(weight)
    pairing, added = Pairing(weight), 0
    blocks: list[Block] = []
    for batch in range(300):
        sides = []
        for share in (weight, 100 - weight):
            began_at = sorted(batch - 5 * random.random() for _ in range(share * 2))
            sides.append(Taken(began_at, [(at, True, False) for at in began_at]))
            added += len(began_at)
        good, found = pairing.add(sides[0], sides[1], float(batch))
        assert good == 0
        blocks += found
    assert all(block.canary_failed == block.canaries for block in blocks)
    assert all(block.stable_failed == block.stables for block in blocks)
    assert 0 < sum(block.canaries + block.stables for block in blocks) <= added
