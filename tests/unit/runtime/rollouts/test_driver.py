"""A route judged by the real driver: weights that climb and fall, and what people may ask."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.state.file import FileStore
from gateway.adapters.state.memory import MemoryStore
from gateway.core.delivery.disposition import Responded
from gateway.core.events import StateProblems
from gateway.core.rollout.judge import RollbackCause, Verdict
from gateway.core.rollout.state import RolloutPhase
from gateway.core.rollout.verbs import PhaseConflictError, Verb
from gateway.core.routing.override import WeightsError
from gateway.rollout_port import UnknownRouteError
from gateway.state_port import StateError
from tests.builders import attribute
from tests.fakes import VIRTUAL_TIME
from tests.fakes.judged import Judged, judged, route_of
from tests.fakes.rig import Rig
from tests.fakes.source import InMemorySource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = VIRTUAL_TIME

STEPS = "steps: [10, 50, 100], every: 10s, min_messages: 20, max_failure_ratio: 5%"
ROLLOUT = f"rollout: {{{STEPS}}}"
MANUAL = f"rollout: {{{STEPS}, start: manual}}"
ROLLBACK = "split: {stable: 80, canary: 20}\n  rollback: {max_failure_ratio: 10%}"
PLAIN = "split: {stable: 90, canary: 10}"


async def aborted(one: Judged) -> None:
    one.rig.canary.default = Responded(500)
    while one.view.phase is not RolloutPhase.ABORTED:
        await one.load(1)
    one.rig.canary.default = Responded(200)
    await one.rig.empty()


async def test_a_good_canary_climbs_to_all_and_each_step_is_told_once() -> None:
    async with judged(route_of(ROLLOUT)) as one:
        await one.until(lambda: one.weight == 10)
        while one.view.phase is not RolloutPhase.PROMOTED:
            await one.load(5)
        assert one.weight == 100
        told = [(each.entry.action, each.entry.weight_after) for each in one.changes]
        assert told == [("begin", 10), ("step", 50), ("step", 100), ("promote", 100)]
        assert all(each.here and each.rolled_back is None for each in one.changes)


async def test_a_bad_canary_goes_to_weight_0_at_once_and_is_told_with_its_counts() -> None:
    async with judged(route_of(ROLLOUT)) as one:
        await one.until(lambda: one.weight == 10)
        await aborted(one)
        assert one.weight == 0
        of_canary = {sent.message_id for sent in one.rig.canary.sent}
        assert len(of_canary) <= 40
        (last,) = [each for each in one.changes if each.rolled_back]
        assert last.rolled_back in (RollbackCause.FAILURES, RollbackCause.LIMIT)
        assert last.entry.reason.startswith("canary failed ")
        assert "stable 0 of" in last.entry.reason
        assert one.view.verdict is Verdict.ABORT
        assert 0 < one.view.p_value < 0.01
        before = len(of_canary)
        await one.load(20)
        assert len({sent.message_id for sent in one.rig.canary.sent}) == before


async def test_what_is_pinned_to_a_rolled_back_canary_goes_to_stable_under_its_own_tag() -> None:
    rule = "rules: [{match: [{attributes: {tenant: {exact: acme}}}], to: canary}]"
    async with judged(route_of(f"{ROLLOUT}\n  {rule}")) as one:
        await aborted(one)
        before = len(one.rig.canary.sent)
        one.rig.queue.send(attributes={"version": attribute("v2")})
        one.rig.queue.send(attributes={"tenant": attribute("acme")})
        await one.rig.empty()
        assert len(one.rig.canary.sent) == before
        for sent in one.rig.stable.sent[-2:]:
            assert (sent.version, sent.reason) == ("v2", "fallback")
            assert sent.headers["x-gateway-version"] == "stable"
        await one.requests.command("orders", Verb.RETRY, by="a test")
        one.rig.queue.send(attributes={"version": attribute("v2")})
        await one.rig.empty()
        assert one.rig.canary.sent[-1].reason == "pinned"


async def test_with_strict_what_is_pinned_waits_for_the_canary() -> None:
    async with judged(route_of(f"{ROLLOUT}\n  strict: true\n  fallback: off")) as one:
        await aborted(one)
        pinned = one.rig.queue.send(attributes={"version": attribute("v2")})
        await one.rig.rest(5)
        assert one.rig.queue.left
        await one.requests.command("orders", Verb.RETRY, by="a test")
        await one.rig.empty()
        assert one.rig.canary.sent[-1].message_id == pinned


async def test_a_canary_in_service_is_rolled_back_and_may_be_tried_again() -> None:
    async with judged(route_of(ROLLBACK)) as one:
        await one.load(5)
        assert (one.view.phase, one.weight) == (RolloutPhase.IDLE, 20)
        assert one.view.verdict is Verdict.WAIT
        await one.load(20)
        assert one.view.verdict is Verdict.PASS
        with pytest.raises(PhaseConflictError, match="the route has no `rollout`"):
            await one.requests.command("orders", Verb.PAUSE, by="a test")
        await aborted(one)
        assert one.weight == 0
        await one.requests.command("orders", Verb.RETRY, by="a test")
        assert (one.view.phase, one.weight) == (RolloutPhase.IDLE, 20)


async def test_without_steps_each_sticky_key_counts_once_in_each_window() -> None:
    keys = f"{ROLLBACK}\n  sticky: attribute:customer".replace("10%}", "10%, window: 10s}")
    async with judged(route_of(keys)) as one:
        for _ in range(50):
            for customer in range(10):
                one.rig.queue.send(attributes={"customer": attribute(f"c{customer}")})
            await one.rig.rest(1)
        counted = one.view.canary.messages + one.view.stable.messages
        assert 40 <= counted <= 60  # ten customers, five windows


async def test_verbs_are_idempotent_and_a_wrong_phase_is_named() -> None:
    async with judged(route_of(MANUAL)) as one:
        command = one.requests.command
        await one.until(lambda: one.view.generation)
        assert (one.view.phase, one.weight) == (RolloutPhase.WAITING, 0)
        await command("orders", Verb.RESUME, by="ann")
        assert one.weight == 10
        for _ in range(2):
            view = await command("orders", Verb.PAUSE, by="ann", reason="lunch")
            assert (view.phase, view.reason, one.weight) == (RolloutPhase.PAUSED, "lunch", 10)
        generation = view.generation
        assert (await command("orders", Verb.PAUSE, by="bob")).generation == generation
        await command("orders", Verb.RESUME, by="ann")
        assert (await command("orders", Verb.PROMOTE, by="ann")).step == 1
        assert one.weight == 50
        for _ in range(2):
            await command("orders", Verb.ABORT, by="ann", reason="smoke")
            assert (one.view.phase, one.weight) == (RolloutPhase.ABORTED, 0)
        for verb in (Verb.PAUSE, Verb.RESUME, Verb.PROMOTE):
            with pytest.raises(PhaseConflictError, match="aborted"):
                await command("orders", verb, by="ann")
        await command("orders", Verb.RETRY, by="ann")
        assert (one.view.step, one.weight) == (0, 10)
        with pytest.raises(PhaseConflictError, match="nothing to retry"):
            await command("orders", Verb.RETRY, by="ann")
        view = await command("orders", Verb.PROMOTE, full=True, by="ann")
        assert (view.phase, one.weight) == (RolloutPhase.PROMOTED, 100)
        for verb in (Verb.PAUSE, Verb.RESUME, Verb.PROMOTE, Verb.ABORT, Verb.RETRY):
            with pytest.raises(PhaseConflictError, match="promoted"):
                await command("orders", verb, by="ann")
        told = [each.rolled_back for each in one.changes if each.rolled_back]
        assert told == [RollbackCause.MANUAL]
        with pytest.raises(UnknownRouteError, match="there are: orders"):
            await command("other", Verb.PAUSE, by="ann")


async def test_weights_by_hand_are_over_the_rollout_which_then_is_paused() -> None:
    async with judged(route_of(ROLLOUT)) as one:
        await one.until(lambda: one.weight == 10)
        for _ in range(2):
            view = await one.requests.set_weights("orders", {"canary": 35}, by="ann")
            assert (view.phase, one.weight) == (RolloutPhase.PAUSED, 35)
            assert view.override == {"stable": 65, "canary": 35}
        for verb in (Verb.RESUME, Verb.PROMOTE):
            with pytest.raises(PhaseConflictError, match="set by hand"):
                await one.requests.command("orders", verb, by="ann")
        view = await one.requests.clear_weights("orders", by="ann")
        assert (view.phase, view.override, one.weight) == (RolloutPhase.PAUSED, None, 10)
        assert "by hand" in view.reason
        await one.requests.command("orders", Verb.RESUME, by="ann")
        assert one.view.phase is RolloutPhase.PROGRESSING
        assert [e.action for e in one.view.history][:3] == ["begin", "set weights", "clear weights"]


@pytest.mark.parametrize(
    ("weights", "left", "then"),
    [
        ({"canary": 0}, "canary", {"stable": 100, "canary": 0}),
        ({"canary": 20, "old": 30}, "canary", {"stable": 80, "canary": 20}),
        ({"old": 100}, "canary", {"stable": 100, "canary": 0}),
        ({"canary": 20}, "green", {"stable": 100, "green": 0}),
    ],
)
async def test_weights_by_hand_outlast_a_version_that_a_reload_drops(
    weights: dict[str, int], left: str, then: dict[str, float]
) -> None:
    three = route_of("split: {stable: 80, canary: 10, old: 10}", versions=("canary", "old"))
    two = route_of(f"split: {{stable: 50, {left}: 50}}", versions=(left,))
    async with judged(three) as one:
        await one.requests.set_weights("orders", weights, by="ann")
        one.rig.running.adopt(two)
        assert one.view.weights == then
        await one.requests.clear_weights("orders", by="ann")
        assert one.view.weights == {"stable": 50, left: 50}


async def test_other_steps_while_weights_are_set_by_hand_do_not_take_these_for_the_step() -> None:
    async with judged(route_of(ROLLOUT)) as one:
        await one.until(lambda: one.weight == 10)
        await one.requests.set_weights("orders", {"canary": 80}, by="ann")
        one.rig.running.adopt(route_of("rollout: {steps: [10, 50, 75, 100]}"))
        await one.rig.rest(10)
        await one.requests.clear_weights("orders", by="ann")
        assert (one.view.phase, one.weight) == (RolloutPhase.PAUSED, 10)


async def test_abort_takes_back_weights_set_by_hand_and_works_in_every_phase() -> None:
    async with judged(route_of(ROLLOUT)) as one:
        await one.requests.set_weights("orders", {"canary": 100}, by="ann")
        view = await one.requests.command("orders", Verb.ABORT, by="ann")
        assert (view.phase, view.override, one.weight) == (RolloutPhase.ABORTED, None, 0)
        await one.requests.set_weights("orders", {"canary": 5}, by="ann")  # over the abort too
        assert (one.view.phase, one.weight) == (RolloutPhase.ABORTED, 5)
        one.rig.queue.send(attributes={"version": attribute("v2")})
        await one.rig.empty()
        assert one.rig.canary.sent[-1].reason == "pinned"


@pytest.mark.parametrize("keys", ["", PLAIN])
async def test_weights_by_hand_need_no_rollout_nor_a_split(keys: str) -> None:
    async with judged(route_of(keys)) as one:
        before = one.weight
        await one.requests.set_weights("orders", {"canary": 100}, by="ann")
        one.rig.queue.send_many(20)
        await one.rig.empty()
        assert len(one.rig.canary.sent) == 20
        assert {sent.reason for sent in one.rig.canary.sent} == {"split"}
        assert (one.view.phase, one.view.verdict) == (RolloutPhase.NONE, Verdict.PASS)
        assert one.changes[-1].entry.by == "ann"
        await one.requests.clear_weights("orders", by="ann")
        assert one.weight == before
        with pytest.raises(PhaseConflictError, match="nothing judges"):
            await one.requests.command("orders", Verb.ABORT, by="ann")


@pytest.mark.parametrize(
    ("weights", "why"),
    [
        ({"canary": 101}, "0 to 100"),
        ({"canary": -1}, "0 to 100"),
        ({"canary": 60, "stable": 41}, "101"),
        ({"canary": 0, "stable": 0}, "all weights are 0"),
        ({"other": 5}, "no version other"),
        ({}, "no version is named"),
        ({"canary": True}, "whole number"),
        ({"canary": 0.5}, "whole number"),
    ],
)
async def test_weights_that_cannot_be_are_refused(weights: dict[str, int], why: str) -> None:
    async with judged(route_of(PLAIN)) as one:
        with pytest.raises(WeightsError, match=why):
            await one.requests.set_weights("orders", weights, by="ann")
        assert one.view.override is None


class Away(MemoryStore):
    """A store that cannot be read, or written, until it is there."""

    there = False

    async def open(self) -> None:
        if not self.there:
            raise StateError("the state is away")

    async def _keep(self, content: object) -> None:
        if not self.there:
            raise StateError("the state is away")


async def test_until_the_state_is_read_no_canary_gets_anything_and_it_is_told() -> None:
    store = Away()
    async with judged(route_of(ROLLOUT), store) as one:
        await one.load(30)
        assert not one.rig.canary.sent
        assert one.view.problems == ("the state is away",)
        assert one.rig.observer.of(StateProblems) == [StateProblems(("the state is away",))]
        with pytest.raises(StateError, match="away"):
            await one.requests.set_weights("orders", {"canary": 5}, by="ann")
        store.there = True
        await one.until(lambda: one.weight == 10)
        assert one.rig.observer.of(StateProblems)[-1] == StateProblems(())


async def test_a_split_of_the_file_waits_only_a_moment_for_a_state_that_is_away() -> None:
    async with judged(route_of(PLAIN), Away()) as one:
        assert one.weight == 0
        await one.rig.rest(20)
        assert one.weight == 10


async def test_an_abort_counts_here_though_it_cannot_be_stored_and_is_stored_later() -> None:
    store = Away()
    store.there = True
    async with judged(route_of(ROLLOUT), store) as one:
        await one.until(lambda: one.weight == 10)
        store.there = False
        with pytest.raises(StateError, match="away; it holds on this replica at once"):
            await one.requests.command("orders", Verb.ABORT, by="ann")
        assert (one.weight, store.state.routes["orders"].weight) == (0, 10)  # type: ignore[union-attr]
        assert one.view.phase is RolloutPhase.ABORTED
        assert [change.here for change in one.changes if change.rolled_back] == [True]
        store.there = True
        await one.until(lambda: store.state.routes["orders"].weight == 0)  # type: ignore[union-attr]
        assert one.view.phase is RolloutPhase.ABORTED
        assert one.view.history[-1].by == "ann"
        assert [change.here for change in one.changes if change.rolled_back] == [True]


async def test_a_rollback_that_cannot_be_stored_is_told_at_once_and_once() -> None:
    store = Away()
    store.there = True
    async with judged(route_of(ROLLOUT), store) as one:
        await one.until(lambda: one.weight == 10)
        store.there = False
        one.rig.canary.default = Responded(500)
        while one.weight:
            await one.load(1)
        await one.rig.rest(5)
        assert [change.here for change in one.changes if change.rolled_back] == [True]
        store.there = True
        await one.until(lambda: store.state.routes["orders"].weight == 0)  # type: ignore[union-attr]
        await one.rig.rest(5)
        assert [change.here for change in one.changes if change.rolled_back] == [True]


async def test_a_step_that_cannot_be_stored_is_shown_as_passed_and_an_abort_as_an_abort() -> None:
    """What was stored last says how many messages were still missing then."""
    store = Away()
    store.there = True
    async with judged(route_of(ROLLOUT), store) as one:
        await one.until(lambda: one.weight == 10)
        store.there = False
        while one.view.reason != "passed; not stored yet":
            await one.load(5)
        view = one.view
        assert (view.verdict, view.step, one.weight) == (Verdict.PASS, 0, 10)
        with pytest.raises(StateError):
            await one.requests.command("orders", Verb.ABORT, by="ann", reason="enough")
        assert (one.view.phase, one.view.reason) == (RolloutPhase.ABORTED, "enough")


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    place = tmp_path / "state.json"
    async with judged(route_of(ROLLOUT), FileStore(place)) as one:
        while one.view.step < 1:
            await one.load(5)
        before = one.view
    async with judged(route_of(ROLLOUT), FileStore(place)) as one:
        await one.until(lambda: one.weight == 50)
        assert (one.view.step, one.view.since) == (1, before.since)
        assert one.view.canary.messages >= before.canary.messages
        assert not one.changes
        await aborted(one)
    async with judged(route_of(ROLLOUT), FileStore(place)) as one:
        await one.load(3)
        assert (one.view.phase, one.weight) == (RolloutPhase.ABORTED, 0)
        one.rig.running.adopt(route_of("rollout: {steps: [20], revision: two}"))
        await one.until(lambda: one.weight == 20)
        assert one.view.history[-1].reason == "a new revision"


async def test_a_torn_state_is_weight_0_and_told_until_a_person_acts(tmp_path: Path) -> None:
    place = tmp_path / "state.json"
    place.write_text("{")
    for keys in (ROLLOUT, ROLLBACK, PLAIN):
        async with judged(route_of(keys), FileStore(place)) as one:
            await one.load(10)
            assert not one.rig.canary.sent
            assert one.view.problems
            assert one.weight == 0
    async with judged(route_of(ROLLOUT), FileStore(place)) as one:
        await one.until(lambda: one.view.problems)
        with pytest.raises(PhaseConflictError, match="torn"):
            await one.requests.command("orders", Verb.PROMOTE, by="ann")
        assert one.view.reason.startswith("the state is torn: the state file")
        await one.requests.clear_weights("orders", by="ann")  # there are none to take back
        assert (one.view.phase, one.weight) == (RolloutPhase.PAUSED, 0)
        await one.requests.command("orders", Verb.RETRY, by="ann")
        assert one.weight == 10
        assert not one.view.problems
        await one.until(lambda: one.rig.observer.of(StateProblems)[-1] == StateProblems(()))
    place.write_text("{")
    async with judged(route_of(PLAIN), FileStore(place)) as one:
        await one.until(lambda: one.view.problems)
        await one.requests.set_weights("orders", {"canary": 7}, by="ann")
        assert one.weight == 7


async def test_another_revision_is_a_new_trial_at_the_first_step() -> None:
    route = route_of(ROLLOUT)
    async with judged(route) as one:
        while one.view.step < 1:
            await one.load(5)
        plan = route.plan
        assert plan is not None
        one.rig.running.adopt(replace(route, plan=replace(plan, revision="two")))
        assert one.weight == 0  # until its trial has begun
        await one.until(lambda: one.weight == 10)
        assert (one.view.step, one.view.canary.messages) == (0, 0)


async def test_messages_of_a_group_keep_to_the_version_of_the_first_while_weights_move() -> None:
    async with judged(route_of(PLAIN, "orders.fifo")) as one:
        await one.requests.set_weights("orders", {"canary": 100}, by="ann")
        one.rig.canary.takes_seconds = 5
        for _ in range(3):
            one.rig.queue.send(group="a")
        await one.rig.until(lambda: one.rig.canary.sent)
        await one.requests.set_weights("orders", {"canary": 0}, by="ann")
        await one.rig.empty()
        assert (len(one.rig.canary.sent), len(one.rig.stable.sent)) == (3, 0)
        one.rig.queue.send(group="a")
        await one.rig.empty()
        assert len(one.rig.stable.sent) == 1


async def test_a_canary_is_judged_anew_where_evidence_was_lost(tmp_path: Path) -> None:
    """Of a ConfigMap or a file that was edited by hand, or a route that was away for a while."""
    place = tmp_path / "state.json"
    async with judged(route_of(ROLLOUT), FileStore(place)) as one:
        while one.view.step < 1:
            await one.load(5)
    content = json.loads(place.read_text())
    place.write_text(json.dumps({**content, "evidence": {}}))
    async with judged(route_of(ROLLOUT), FileStore(place)) as one:
        await one.until(lambda: [e for e in one.view.history if e.action == "count anew"])
        assert (one.view.step, one.weight) == (1, 50)
        await aborted(one)
        assert one.view.canary.failed <= one.view.canary.messages


async def test_a_route_that_was_away_for_a_while_is_judged_again() -> None:
    async with judged(route_of(ROLLOUT)) as one:
        while one.view.step < 1:
            await one.load(5)
        running = one.routes.pop()
        await one.rig.rest(10)
        again = Rig(route_of(ROLLOUT), InMemorySource("orders"), weigh=one.driver.weigh)
        one.routes.append(again.running)
        await one.until(lambda: one.view.history[-1].action == "count anew")
        one.routes[:] = [running]


class Fickle(MemoryStore):
    """A store that says each time in other words why it cannot be reached."""

    @property
    def problems(self) -> Sequence[str]:
        return (f"away at {asyncio.get_running_loop().time():.1f}",)


async def test_problems_whose_words_change_all_the_time_are_told_each_30_s() -> None:
    async with judged(route_of(ROLLOUT), Fickle()) as one:
        await one.load(70)
        assert len(one.rig.observer.of(StateProblems)) == 3
