"""Pairs the canary's messages with stable's of the same moment, so that shared trouble cancels out.

A block has one message of the version with the smaller share and about as many of the other as
come in between. Nothing that waits to be paired is older than a second: with longer queues the
messages of an outage were compared with those of another moment.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.core.rollout.observation import Observation

SAME_MOMENT_SECONDS: Final = 1.0
BLOCKS_WAITING: Final = 2
_USED_SHARE: Final = 0.9  # of the larger side: the rest is slack, so that blocks do not wait
_FULL: Final = 100
_HALF: Final = 50


@dataclass(frozen=True, slots=True)
class Block:
    """Messages that ran side by side; one of the two numbers of messages is 1."""

    canaries: int
    canary_failed: int
    canary_slow: int
    stables: int
    stable_failed: int
    stable_slow: int

    @property
    def is_noteworthy(self) -> bool:
        """Whether the canary did worse in it than well."""
        return self.canary_failed + self.canary_slow > 0


def block_size(weight: int) -> int:
    """Return how many messages of the larger side a block has, for a canary weight of 1..99 %."""
    smaller = min(weight, _FULL - weight)
    return max(1, round(_USED_SHARE * (_FULL - smaller) / smaller))


class Pairing:
    """Forms blocks at one canary weight, in per cent. At 0 and 100 there is nothing to pair.

    A message of the smaller side that has waited for a second is paired with as many of the other
    side as there are, if any: on a slow queue blocks are small. What ends a block is time and
    number alone, never an outcome.
    """

    def __init__(self, weight: int) -> None:
        self._pairs = 0 < weight < _FULL
        self._canary_is_single = weight <= _HALF
        self._size = block_size(weight) if self._pairs else 1
        self._singles: deque[Observation] = deque(maxlen=BLOCKS_WAITING)
        self._others: deque[Observation] = deque(maxlen=BLOCKS_WAITING * self._size)

    def add(self, observation: Observation) -> list[Block]:
        """Add one message, in the order of the beginnings; return the blocks that are complete."""
        if not self._pairs:
            return []
        blocks = self.advance(observation.at)
        if observation.canary is self._canary_is_single:
            if len(self._singles) == BLOCKS_WAITING and self._others:
                blocks.append(self._close())
            self._singles.append(observation)
        else:
            self._others.append(observation)
        if self._singles and len(self._others) >= self._size:
            blocks.append(self._close())
        return blocks

    def advance(self, now: float) -> list[Block]:
        """Let time pass; return the blocks that end by it."""
        blocks = []
        oldest = now - SAME_MOMENT_SECONDS
        while self._singles and self._singles[0].at < oldest:
            self._expire(self._singles[0].at - SAME_MOMENT_SECONDS)
            if self._others:
                blocks.append(self._close())
            else:
                self._singles.popleft()
        self._expire(oldest)
        return blocks

    def _expire(self, oldest: float) -> None:
        others = self._others
        while others and others[0].at < oldest:
            others.popleft()

    def _close(self) -> Block:
        single = self._singles.popleft()
        others = [self._others.popleft() for _ in range(min(self._size, len(self._others)))]
        failed = sum(each.failed for each in others)
        slow = sum(each.slow for each in others)
        if self._canary_is_single:
            return Block(1, single.failed, single.slow, len(others), failed, slow)
        return Block(len(others), failed, slow, 1, single.failed, single.slow)
