"""An abort while the state is out of reach: it holds here, and is stored as what it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.state.memory import MemoryStore
from gateway.core.delivery.disposition import Responded
from gateway.core.rollout.state import RolloutPhase
from gateway.core.rollout.verbs import PhaseConflictError, Verb
from gateway.state_port import StateError
from tests.fakes import VIRTUAL_TIME
from tests.fakes.judged import judged, route_of
from tests.fakes.rig import Rig
from tests.fakes.source import InMemorySource
from tests.unit.runtime.rollouts.test_two_replicas import ROLLOUT, Pair, two

if TYPE_CHECKING:
    from gateway.core.rollout.route_state import Stored
    from gateway.state_port import StateChange

pytestmark = VIRTUAL_TIME


async def abort_in_vain(pair: Pair) -> None:
    """Abort on the first replica, which is cut off."""
    await pair.until([10, 10])
    pair.clients[0].away = True
    with pytest.raises(StateError):
        await pair.replicas[0].requests.command("orders", Verb.ABORT, by="ann", reason="bad")
    assert pair.replicas[0].weight == 0


async def test_it_is_told_at_once_and_not_again_when_it_is_stored() -> None:
    async with two() as pair:
        await abort_in_vain(pair)
        told = [each for each in pair.replicas[0].changes if each.rolled_back]
        assert [(each.here, each.entry.reason) for each in told] == [(True, "bad")]
        assert pair.replicas[0].view.phase is RolloutPhase.ABORTED
        pair.clients[0].away = False
        assert await pair.until([0, 0]) <= 15
        await asyncio.sleep(10)
        told = [each for one in pair.replicas for each in one.changes if each.rolled_back]
        assert [each.here for each in told] == [True, False]


async def test_it_is_told_once_where_it_could_be_stored() -> None:
    async with judged(route_of(ROLLOUT), Slow()) as one:
        await one.until(lambda: one.weight == 10)
        await one.requests.command("orders", Verb.ABORT, by="ann")
        assert [each.here for each in one.changes if each.rolled_back] == [True]


async def test_it_stands_against_a_promotion_by_those_who_could_not_know_of_it() -> None:
    async with two() as pair:
        await abort_in_vain(pair)
        await pair.replicas[1].requests.command("orders", Verb.PROMOTE, full=True, by="bob")
        pair.clients[0].away = False
        assert await pair.until([0, 0]) <= 15
        for each in pair.replicas:
            assert each.task is not None
            assert not each.task.done()
            assert (each.view.phase, each.view.reason) == (RolloutPhase.ABORTED, "bad")
            last = each.view.history[-1]
            assert (last.action, last.weight_before, last.weight_after) == ("abort", 100, 0)


async def test_one_that_evidence_asked_for_stands_too() -> None:
    async with two() as pair:
        await pair.until([10, 10])
        pair.clients[0].away = True
        pair.replicas[0].rig.canary.default = Responded(500)
        while pair.replicas[0].weight:
            await pair.replicas[0].load(1)
        await pair.replicas[1].requests.command("orders", Verb.PROMOTE, full=True, by="bob")
        pair.clients[0].away = False
        assert await pair.until([0, 0]) <= 15
        assert pair.replicas[1].view.phase is RolloutPhase.ABORTED


async def test_it_is_of_the_past_once_a_person_has_begun_anew() -> None:
    async with two() as pair:
        await abort_in_vain(pair)
        await pair.replicas[1].requests.command("orders", Verb.ABORT, by="bob")
        await pair.replicas[1].requests.command("orders", Verb.RETRY, by="bob")
        pair.clients[0].away = False
        assert await pair.until([10, 10]) <= 15
        actions = [entry.action for entry in pair.replicas[0].view.history]
        assert actions == ["begin", "abort", "retry"]


async def test_no_other_verb_makes_it_forgotten() -> None:
    async with two() as pair:
        await abort_in_vain(pair)
        pair.clients[0].away = False
        with pytest.raises(PhaseConflictError, match="aborted: promote needs retry"):
            await pair.replicas[0].requests.command("orders", Verb.PROMOTE, by="bob")
        assert await pair.until([0, 0]) <= 15


async def test_it_wins_where_another_replica_promoted_a_moment_before() -> None:
    async with two() as pair:
        await pair.until([10, 10])
        pair.clients[0].half_open = True  # its watch says nothing of the promotion
        await pair.replicas[1].requests.command("orders", Verb.PROMOTE, full=True, by="bob")
        view = await pair.replicas[0].requests.command("orders", Verb.ABORT, by="ann")
        assert view.phase is RolloutPhase.ABORTED
        assert await pair.until([0, 0]) <= 15


class Slow(MemoryStore):
    """Each change takes some seconds."""

    async def update(self, route: str, change: StateChange) -> Stored | None:
        await asyncio.sleep(3)
        return await super().update(route, change)


class Stuck(MemoryStore):
    """Changes of the route `stuck` take very long."""

    async def update(self, route: str, change: StateChange) -> Stored | None:
        if route == "stuck":
            await asyncio.sleep(3_600)
        return await super().update(route, change)


async def test_the_abort_of_a_route_does_not_wait_for_what_another_route_stores() -> None:
    async with judged(route_of(ROLLOUT), Stuck()) as one:
        await one.until(lambda: one.weight == 10)
        other = Rig(
            replace(route_of(ROLLOUT, "other"), name="stuck"),
            InMemorySource("other"),
            weigh=one.driver.weigh,
        )
        one.routes.insert(0, other.running)
        await asyncio.sleep(10)  # its trial is being stored
        one.rig.canary.default = Responded(500)
        began = asyncio.get_running_loop().time()
        while one.weight:
            await one.load(1)
        assert asyncio.get_running_loop().time() - began < 60
        one.routes.remove(other.running)
