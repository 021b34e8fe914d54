"""What a person says of a verb is what the history says of it."""

from __future__ import annotations

import pytest

from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.plan import Plan, Rollout, Step
from gateway.core.rollout.transitions import begin
from gateway.core.rollout.verbs import Verb, command

VALUES = (0.0,) * LENGTH
PLAN = Plan("canary", "http://b1", "v2", "1", Rollout((Step(5, 60.0), Step(100, 60.0))))
BEFORE = {
    Verb.RESUME: (Verb.PAUSE,),
    Verb.RETRY: (Verb.ABORT,),
}
"""What leads to the phase that a verb needs."""


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("reason", ["B1 is mended", ""])
def test_the_history_has_the_reason_that_was_given_or_one_of_its_own(
    verb: Verb, reason: str, *, full: bool
) -> None:
    state = begin(PLAN, VALUES, 100.0)
    for earlier in BEFORE.get(verb, ()):
        state = command(state, PLAN, earlier, VALUES, 101.0, by="ann")
    state = command(state, PLAN, verb, VALUES, 102.0, full=full, by="ann", reason=reason)
    entry = state.history[-1]
    assert (entry.at, entry.by) == (102.0, "ann")
    assert entry.reason == reason if reason else entry.reason != ""


def test_a_manual_start_says_why_too() -> None:
    assert PLAN.rollout is not None
    manual = Plan(
        "canary", "http://b1", "v2", "1", Rollout(PLAN.rollout.steps, 1, starts_by_itself=False)
    )
    for verb in (Verb.RESUME, Verb.PROMOTE):
        state = begin(manual, VALUES, 100.0)
        state = command(state, manual, verb, VALUES, 101.0, by="ann", reason="the day has come")
        assert state.history[-1].reason == "the day has come"
