"""From the routing file to the verdict: the file's plan, what is counted, the weight in force.

What joins them here is as plain as can be: once a second the evidence is judged, and the weight
that follows is adopted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.config.loader import load
from gateway.core.delivery.disposition import Responded
from gateway.core.rollout.controller import advance
from gateway.core.rollout.state import RolloutPhase
from gateway.core.rollout.transitions import begin, canary_weight
from gateway.core.routing.weights import weighted
from tests.fakes import VIRTUAL_TIME
from tests.fakes.rig import Rig, at_work

if TYPE_CHECKING:
    from gateway.core.rollout.state import TrialState
    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME

ROLLOUT = "rollout: {steps: [10, 50, 100], every: 10s, min_messages: 20, max_failure_ratio: 5%}"
ROLLBACK = "split: {stable: 80, canary: 20}\n  rollback: {max_failure_ratio: 10%}"


def route_of(keys: str) -> Route:
    text = f"""
routes:
- name: orders
  queue: orders
  versions: {{stable: http://b/, canary: http://b1/}}
  retry: {{min: 1s, max: 1s}}
  {keys}
"""
    (route,) = load(text.encode(), "routes.yaml").routes
    return route


async def judged(rig: Rig, route: Route, *, seconds: int, fails: bool) -> TrialState:
    """Send 50 messages a second; return the state after that time, or once it has an end."""
    plan, counting = route.plan, rig.running.counting
    assert plan is not None
    state = begin(plan, counting.values, rig.now)
    weight = canary_weight(state, plan)
    rig.running.adopt(weighted(route, weight))
    for second in range(seconds):
        for sent in rig.queue.send_many(50):
            if fails and second % 2 == 0:
                rig.canary.answer(sent, Responded(500))
        await rig.rest(1)
        counting.advance()
        state = advance(state, plan, counting.values, rig.now)
        if canary_weight(state, plan) != weight:
            weight = canary_weight(state, plan)
            rig.running.adopt(weighted(route, weight))
        if state.phase in (RolloutPhase.PROMOTED, RolloutPhase.ABORTED):
            break
    return state


async def test_a_good_canary_climbs_to_all() -> None:
    route = route_of(ROLLOUT)
    async with at_work(route) as rig:
        state = await judged(rig, route, seconds=200, fails=False)
        assert state.phase is RolloutPhase.PROMOTED
        assert [entry.weight_after for entry in state.history] == [10, 50, 100, 100]
        rig.queue.send_many(50)
        before = len(rig.stable.sent)
        await rig.empty()
        assert len(rig.stable.sent) == before


async def test_a_canary_that_fails_goes_back_to_nothing_within_a_few_of_its_messages() -> None:
    route = route_of(ROLLOUT)
    async with at_work(route) as rig:
        state = await judged(rig, route, seconds=60, fails=True)
        assert state.phase is RolloutPhase.ABORTED
        assert state.reason.startswith("canary failed ")
        assert len({sent.message_id for sent in rig.canary.sent}) <= 40
        rig.queue.send_many(50)
        before = len([sent for sent in rig.canary.sent if sent.reason == "split"])
        await rig.empty()
        assert len([sent for sent in rig.canary.sent if sent.reason == "split"]) == before


async def test_a_canary_in_service_is_rolled_back_and_its_messages_go_to_stable() -> None:
    route = route_of(ROLLBACK)
    async with at_work(route) as rig:
        state = await judged(rig, route, seconds=30, fails=False)
        assert state.phase is RolloutPhase.IDLE
        assert rig.running.route.split_weights() == {"stable": 80, "canary": 20}
        state = await judged(rig, route, seconds=60, fails=True)
        assert state.phase is RolloutPhase.ABORTED
        assert rig.running.route.split_weights() == {"stable": 100, "canary": 0}


async def test_an_outage_that_both_share_aborts_nothing() -> None:
    route = route_of(ROLLOUT)
    async with at_work(route) as rig:
        rig.stable.default = rig.canary.default = Responded(500)
        state = await judged(rig, route, seconds=20, fails=False)
        assert state.phase is not RolloutPhase.ABORTED
        assert state.step == 0
        rig.stable.default = rig.canary.default = Responded(200)
        await rig.empty()
