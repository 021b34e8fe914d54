"""The clock that several processes share."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

from tools.emulator.app import steady_clock

if TYPE_CHECKING:
    import pytest


def test_a_reading_that_had_to_wait_for_a_core_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, calls = [100.0], count()

    def monotonic() -> float:
        now[0] += 0.5 if next(calls) in (1, 4, 7) else 0.0001  # the first readings are disturbed
        return now[0]

    monkeypatch.setattr(time, "monotonic", monotonic)
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0 + now[0])
    clock = steady_clock()
    assert abs(clock() - (1_000_000.0 + now[0])) < 0.001
