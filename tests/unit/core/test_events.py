"""Events: what observers hear, in the words of docs/reference/metrics.md."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from gateway.core.events import Action, Event, Outcome, Phase, Settled


def test_outcomes_and_actions_are_the_label_values_of_the_metrics() -> None:
    assert [str(outcome) for outcome in Outcome] == ["ack", "retry", "reject", "fallback"]
    assert [str(action) for action in Action] == ["delete", "extend", "release", "dead_letter"]


def test_phases_are_a_fixed_list() -> None:
    assert {str(phase) for phase in Phase} == {
        "starting", "polling", "failed", "stopping", "stopped",
    }  # fmt: skip


@pytest.mark.parametrize("event", get_args(Event), ids=lambda event: event.__name__)
def test_an_event_is_frozen_and_small(event: type) -> None:
    """Several observers get the same object, and the hot path makes many."""
    assert dataclasses.is_dataclass(event)
    assert event.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(event)


def test_one_settlement_is_one_message_unless_said() -> None:
    assert Settled("orders", Action.DELETE).messages == 1
