"""A replica without contact to the shared state never has the higher weight for long."""

from __future__ import annotations

import pytest

from gateway.core.rollout.contact import limit_weight, may_raise


@pytest.mark.parametrize("silent", [0.0, 14.9])
def test_in_contact_the_weight_is_what_it_is(silent: float) -> None:
    assert limit_weight(50, [5], silent) == 50
    assert may_raise(silent)


@pytest.mark.parametrize("silent", [15.0, 59.9])
def test_after_15_s_it_is_at_most_the_lowest_one_known(silent: float) -> None:
    assert limit_weight(50, [25, 5, 50], silent) == 5
    assert limit_weight(1, [25, 5], silent) == 1
    assert not may_raise(silent)


def test_a_state_that_was_never_read_gives_the_canary_nothing() -> None:
    assert limit_weight(50, [], 15.0) == 0


def test_after_60_s_the_split_gives_the_canary_nothing() -> None:
    assert limit_weight(50, [50], 60.0) == 0


def test_what_is_promoted_or_set_by_hand_stays_but_is_never_raised() -> None:
    assert limit_weight(100, [100], 3600.0, settled=True) == 100
    assert limit_weight(50, [20], 3600.0, settled=True) == 20
