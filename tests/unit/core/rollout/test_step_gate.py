"""What a step says that it still waits for."""

from __future__ import annotations

import pytest

from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.judge import Bounds
from gateway.core.rollout.step_gate import StepGate, find_wait

VALUES = (0.0,) * LENGTH


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (0.0, "2,000 of 2,000 s are left"),
        (1_998.1, "2 of 2,000 s are left"),
        (1_999.9, "1 of 2,000 s are left"),
        (2_000.0, ""),
    ],
)
def test_a_step_that_waits_never_says_that_nothing_is_left(seconds: float, says: str) -> None:
    gate = StepGate(0, 2_000.0)
    assert find_wait(VALUES, VALUES, gate, Bounds(), seconds=seconds, weight=100) == says
