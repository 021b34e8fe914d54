"""Whatever a state says that was edited by hand, the gateway goes on: it is judged, or told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rollout.next_state import after_verb, after_weights, look
from gateway.core.rollout.route_state import RouteState
from gateway.core.rollout.verbs import PhaseConflictError, Verb
from gateway.core.routing.in_force import weigh, weights_in_force
from tests.fakes.judged import route_of
from tests.property.test_stored_state_properties import PERCENT, TRIAL, VALUES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.state import TrialState
    from gateway.core.routing.route import Route

NOW = 1_800_000_000.0
LIMITS = "every: 10s, min_messages: 20, max_failure_ratio: 5%, max_p99: 2s, deadline: 1h"
ROLLBACK = "rollback: {max_failure_ratio: 10%, then: probe}"
ROUTES = [
    route_of(keys)
    for keys in (
        f"rollout: {{steps: [10, 50, 100], {LIMITS}}}",
        f"rollout: {{steps: [10, 50], {LIMITS}, on_failure: pause}}\n  {ROLLBACK}",
        f"split: {{stable: 80, canary: 20}}\n  {ROLLBACK}",
    )
]
STATE = st.builds(
    RouteState,
    generation=st.integers(1, 100),
    weight=st.none() | PERCENT,
    trial=TRIAL,
    override=st.none() | st.dictionaries(st.sampled_from(["stable", "canary", "old"]), PERCENT),
)


@given(st.sampled_from(ROUTES), STATE, VALUES, st.sampled_from(Verb))
def test_any_state_may_be_looked_at_changed_and_put_in_force(
    route: Route, state: RouteState, values: Sequence[float], verb: Verb
) -> None:
    plan = route.plan
    assert plan is not None
    assert state.trial is not None
    state = replace(state, trial=_of(state.trial, route))
    weigh(route, weights_in_force(route, state, 0.0, was_read=True))
    after = look(state, plan, values, NOW)
    weigh(route, weights_in_force(route, after, 0.0, was_read=True))
    after_weights(state, plan, {"stable": 1}, values, NOW, by="ann")
    try:
        asked = after_verb(state, plan, verb, values, NOW, by="ann")
    except PhaseConflictError:
        return
    weigh(route, weights_in_force(route, asked, 0.0, was_read=True))


def _of(trial: TrialState, route: Route) -> TrialState:
    """Return the trial as one of this route's plan."""
    plan = route.plan
    assert plan is not None
    return replace(
        trial,
        trial=plan.trial,
        steps_digest=plan.steps_digest,
        bounds_digest=plan.bounds_digest,
    )
