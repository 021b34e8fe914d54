"""Ways to judge a canary that abort one as good as stable: to show by how much."""

from __future__ import annotations

import random
from collections import deque
from math import sqrt
from typing import Final

from tools.simulation.outcome import Outcome

_Z_OF_1_PERCENT: Final = 2.576  # two-sided
_STABLE_A_CANARY: Final = 9  # at 10 %
_LOOK_AT: Final = 50
_MESSAGES: Final = 5_000
_IN_SERVICE: Final = 2_000
_LIMIT: Final = 0.1


def z_test(seed: int) -> Outcome:
    """Compare two ratios of 1 % by a z test of 1 % at every 50 of 5,000 canary messages."""
    draw = random.Random(seed).random
    canary = stable = 0
    for number in range(1, _MESSAGES + 1):
        canary += draw() < 0.01
        stable += sum(draw() < 0.01 for _ in range(_STABLE_A_CANARY))
        if number % _LOOK_AT == 0 and canary + stable:
            pooled = (canary + stable) / (number * (1 + _STABLE_A_CANARY))
            variance = pooled * (1 - pooled) * (1 + 1 / _STABLE_A_CANARY) / number
            difference = canary / number - stable / (number * _STABLE_A_CANARY)
            if abs(difference) > _Z_OF_1_PERCENT * sqrt(variance):
                return _ended("aborted", number)
    return _ended("promoted", _MESSAGES)


def last_20(seed: int) -> Outcome:
    """Compare the ratio of the last 20 canary messages, of which 5 % fail, with 10 %."""
    return _threshold(seed, 20)


def last_100(seed: int) -> Outcome:
    """Compare the ratio of the last 100 canary messages, of which 5 % fail, with 10 %."""
    return _threshold(seed, 100)


def _threshold(seed: int, size: int) -> Outcome:
    draw = random.Random(seed).random
    last: deque[bool] = deque(maxlen=size)
    for number in range(1, _IN_SERVICE + 1):
        last.append(draw() < 0.05)
        if len(last) == size and sum(last) > _LIMIT * size:
            return _ended("aborted", number)
    return _ended("promoted", _IN_SERVICE)


def _ended(phase: str, number: int) -> Outcome:
    return Outcome(phase, 10, number, number * 10, 0.0, "")
