"""What the admin port relies on of rollouts: the real ones hold to it, and so does the fake."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.rollout.state import RolloutPhase
from gateway.core.rollout.verbs import PhaseConflictError, Verb
from gateway.rollout_port import UnknownRouteError, WeightsError
from tests.fakes import VIRTUAL_TIME
from tests.fakes.judged import judged, route_of
from tests.fakes.rollouts import FakeRollouts, rollout_view, unjudged_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from gateway.rollout_port import Rollouts

PLAN = "rollout: {steps: [5, 25, 100], every: 1h}"
SPLIT = "split: {stable: 90, canary: 10}"


class RolloutsContract:
    """A route `orders` whose rollout has begun, or which has a split of 90 : 10 alone."""

    def begun(self) -> AbstractAsyncContextManager[Rollouts]:
        """Return rollouts whose `orders` is at its first step of three."""
        raise NotImplementedError

    def unjudged(self) -> AbstractAsyncContextManager[Rollouts]:
        """Return rollouts whose `orders` nothing judges."""
        raise NotImplementedError

    async def test_a_verb_is_in_force_when_it_returns_and_twice_is_as_once(self) -> None:
        async with self.begun() as rollouts:
            for verb, phase in ((Verb.PAUSE, "paused"), (Verb.ABORT, "aborted")):
                for _ in range(2):
                    view = await rollouts.command("orders", verb, by="Ana", reason="why")
                    assert (view.phase, view.history[-1].by) == (phase, "Ana")
                    assert rollouts.view("orders") == view
                assert view.history[-1].reason == "why"
            assert view.weights == {"stable": 100.0, "canary": 0.0}
            assert [each.action for each in view.history].count("abort") == 1

    async def test_promote_is_one_step_and_in_full_to_the_end(self) -> None:
        async with self.begun() as rollouts:
            view = await rollouts.command("orders", Verb.PROMOTE, by="Ana")
            assert (view.step, view.weights["canary"]) == (1, 25.0)
            for _ in range(2):
                view = await rollouts.command("orders", Verb.PROMOTE, full=True, by="Ana")
                assert (view.phase, view.weights["canary"]) == (RolloutPhase.PROMOTED, 100.0)
            with pytest.raises(PhaseConflictError, match="promoted"):
                await rollouts.command("orders", Verb.ABORT, by="Ana")

    async def test_a_verb_in_the_wrong_phase_is_refused_and_changes_nothing(self) -> None:
        async with self.begun() as rollouts:
            before = rollouts.view("orders")
            with pytest.raises(PhaseConflictError):
                await rollouts.command("orders", Verb.RETRY, by="Ana")
            assert rollouts.view("orders").generation == before.generation

    async def test_weights_by_hand_hold_the_rollout_until_they_are_cleared_and_after(self) -> None:
        async with self.begun() as rollouts:
            first = await rollouts.set_weights("orders", {"canary": 40}, by="Ana")
            assert first.override == {"stable": 60, "canary": 40}
            assert first.weights == {"stable": 60.0, "canary": 40.0}
            assert first.phase is RolloutPhase.PAUSED
            assert await rollouts.set_weights("orders", {"canary": 40}, by="Bo") == first
            with pytest.raises(PhaseConflictError, match="set by hand"):
                await rollouts.command("orders", Verb.RESUME, by="Ana")
            for _ in range(2):
                view = await rollouts.clear_weights("orders", by="Ana")
                assert (view.override, view.phase) == (None, RolloutPhase.PAUSED)
            assert view.weights == {"stable": 95.0, "canary": 5.0}
            assert [each.action for each in view.history[-2:]] == ["set weights", "clear weights"]

    async def test_an_abort_takes_back_weights_by_hand(self) -> None:
        async with self.begun() as rollouts:
            await rollouts.set_weights("orders", {"canary": 40}, by="Ana")
            view = await rollouts.command("orders", Verb.ABORT, by="Ana")
            assert (view.override, view.weights["canary"]) == (None, 0.0)

    @pytest.mark.parametrize(
        "weights", [{}, {"canry": 5}, {"canary": 101}, {"canary": -1}, {"canary": 0, "stable": 0}]
    )
    async def test_weights_that_cannot_be_set_are_refused(self, weights: dict[str, int]) -> None:
        async with self.begun() as rollouts:
            with pytest.raises(WeightsError):
                await rollouts.set_weights("orders", weights, by="Ana")
            assert rollouts.view("orders").override is None

    async def test_without_a_plan_there_is_no_verb_and_weights_may_be_set(self) -> None:
        async with self.unjudged() as rollouts:
            for verb in Verb:
                with pytest.raises(PhaseConflictError):
                    await rollouts.command("orders", verb, by="Ana")
            view = await rollouts.set_weights("orders", {"stable": 1, "canary": 1}, by="Ana")
            assert view.weights == {"stable": 50.0, "canary": 50.0}
            assert (view.phase, view.plan) == (RolloutPhase.NONE, None)
            view = await rollouts.clear_weights("orders", by="Ana")
            assert view.weights == {"stable": 90.0, "canary": 10.0}

    async def test_an_unknown_route_is_refused_with_those_there_are(self) -> None:
        async with self.begun() as rollouts:
            asked: list[Any] = [
                rollouts.command("nowhere", Verb.ABORT, by="Ana"),
                rollouts.set_weights("nowhere", {"canary": 5}, by="Ana"),
                rollouts.clear_weights("nowhere", by="Ana"),
            ]
            for each in asked:
                with pytest.raises(UnknownRouteError, match="orders"):
                    await each
            with pytest.raises(UnknownRouteError, match="orders"):
                rollouts.view("nowhere")
            assert [view.route for view in rollouts.views()] == ["orders"]
            assert list(rollouts.problems) == []


class TestFakeRollouts(RolloutsContract):
    """The fake."""

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[Rollouts]:
        plan = route_of(PLAN).plan
        yield FakeRollouts(rollout_view(plan=plan, step=0))

    @asynccontextmanager
    async def unjudged(self) -> AsyncIterator[Rollouts]:
        yield FakeRollouts(unjudged_view())


@VIRTUAL_TIME
class TestRolloutRequests(RolloutsContract):
    """The driver over a route at work, and what is asked of it."""

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[Rollouts]:
        async with judged(route_of(PLAN)) as one:
            await one.until(lambda: one.weight == 5)
            yield one.requests

    @asynccontextmanager
    async def unjudged(self) -> AsyncIterator[Rollouts]:
        async with judged(route_of(SPLIT)) as one:
            await one.until(lambda: one.weight == 10)
            yield one.requests
