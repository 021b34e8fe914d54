"""A rollout goes on, waits, or is aborted: by evidence and time, through the real tests."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from gateway.core.rollout.collector import Collector
from gateway.core.rollout.controller import advance
from gateway.core.rollout.judge import Bounds, Verdict
from gateway.core.rollout.plan import OnTrouble, Plan, Rollback, Rollout, Step, Then
from gateway.core.rollout.reconcile import reconcile
from gateway.core.rollout.state import MAX_HISTORY, RolloutPhase, TrialState
from gateway.core.rollout.transitions import begin, canary_weight
from gateway.core.rollout.verbs import PhaseConflictError, Verb, command
from tools.simulation.deliveries import Deliveries

STEPS = tuple(Step(weight, 60.0) for weight in (5, 25, 50, 100))
PLAN = Plan("canary", "http://b1/", "v2", rollout=Rollout(STEPS, min_messages=100))


class World:
    """Messages at 200 a second, each side failing by its ratio; the clock moves with them."""

    def __init__(self, plan: Plan = PLAN, *, seed: int = 7) -> None:
        self.plan = plan
        self.now = 1_000.0
        self.random = random.Random(seed)
        self.collector = Collector(plan.bounds, 1)
        self.deliveries = Deliveries(self.collector)
        self.state = begin(plan, self.collector.values, self.now)
        self.canary_messages = 0
        self._weigh()

    def _weigh(self) -> None:
        self.collector.begin_step(self.weight, self.now)

    @property
    def weight(self) -> int:
        weight = canary_weight(self.state, self.plan)
        return 10 if weight is None else weight

    def change(self, state: TrialState) -> None:
        before = self.weight
        self.state = state
        if self.weight != before:
            self._weigh()

    def run(self, seconds: float, *, canary: float = 0.0, stable: float = 0.0) -> None:
        for _ in range(int(seconds * 200)):
            self.now += 0.005
            is_canary = self.random.random() * 100 < self.weight
            self.canary_messages += is_canary
            failed = self.random.random() < (canary if is_canary else stable)
            delivery = self.deliveries.begin(self.now, canary=is_canary)
            self.deliveries.end(delivery, self.now, failed=failed)
            if self.deliveries.advance(self.now) or self.random.random() < 0.01:
                self.look()

    def idle(self, seconds: float) -> None:
        self.now += seconds
        self.deliveries.advance(self.now)
        self.look()

    def look(self) -> None:
        self.change(advance(self.state, self.plan, self.collector.values, self.now))

    def do(self, verb: Verb, *, full: bool = False) -> None:
        values = self.collector.values
        self.change(command(self.state, self.plan, verb, values, self.now, full=full, by="ann"))

    def reload(self, plan: Plan) -> None:
        self.change(reconcile(self.state, plan, self.collector.values, self.now, self.weight))
        self.plan = plan


def with_rollout(plan: Plan = PLAN, **changes: object) -> Plan:
    assert plan.rollout is not None
    return replace(plan, rollout=replace(plan.rollout, **changes))


class TestGoingOn:
    def test_a_good_canary_is_promoted_through_every_step(self) -> None:
        world = World()
        world.run(400, canary=0.01, stable=0.01)
        assert world.state.phase is RolloutPhase.PROMOTED
        weights = [entry.weight_after for entry in world.state.history]
        assert weights == [5, 25, 50, 100, 100]

    def test_a_step_lasts_as_long_as_it_says_however_sure_it_is(self) -> None:
        world = World()
        world.run(59)
        assert (world.state.step, world.weight) == (0, 5)
        world.run(2)
        assert (world.state.step, world.weight) == (1, 25)

    def test_without_messages_it_waits_for_ever(self) -> None:
        world = World()
        for _ in range(100):
            world.idle(3_600)
        assert (world.state.phase, world.state.verdict) == (RolloutPhase.WAITING, Verdict.WAIT)
        assert world.state.reason == "0 of 100 messages"

    def test_a_gate_waits_for_a_person(self) -> None:
        world = World(with_rollout(steps=(Step(5, 10.0, gate=True), Step(100, 10.0))))
        world.run(30)
        assert world.state.phase is RolloutPhase.PAUSED
        assert world.weight == 5
        world.do(Verb.PROMOTE)
        assert world.weight == 100

    def test_a_deadline_pauses_or_aborts_and_leaves_the_verdict(self) -> None:
        for on_deadline, phase in (
            (OnTrouble.PAUSE, RolloutPhase.PAUSED),
            (OnTrouble.ABORT, RolloutPhase.ABORTED),
        ):
            world = World(with_rollout(deadline_seconds=3_600.0, on_deadline=on_deadline))
            world.idle(3_599)
            assert world.state.phase is RolloutPhase.WAITING
            world.idle(2)
            assert (world.state.phase, world.state.verdict) == (phase, Verdict.WAIT)

    def test_resumed_after_its_deadline_a_step_has_all_its_time_again(self) -> None:
        world = World(with_rollout(deadline_seconds=3_600.0))
        world.idle(3_601)
        world.do(Verb.RESUME)
        world.idle(3_599)
        assert world.state.phase is RolloutPhase.WAITING
        world.idle(2)
        assert world.state.phase is RolloutPhase.PAUSED

    def test_a_manual_start_keeps_the_canary_at_0_until_it_is_resumed(self) -> None:
        world = World(with_rollout(starts_by_itself=False))
        world.run(60)
        assert (world.state.phase, world.weight) == (RolloutPhase.WAITING, 0)
        world.do(Verb.RESUME)
        assert world.weight == 5


class TestGoingBack:
    def test_a_failing_canary_is_aborted_within_forty_messages(self) -> None:
        world = World()
        world.run(60, canary=0.3, stable=0.01)
        assert (world.state.phase, world.weight) == (RolloutPhase.ABORTED, 0)
        assert world.state.verdict is Verdict.ABORT
        assert "canary failed" in world.state.reason
        aborted = next(e for e in world.state.history if e.action == "abort")
        assert (aborted.weight_before, aborted.weight_after) == (5, 0)

    def test_an_outage_that_both_share_aborts_nothing(self) -> None:
        world = World()
        world.run(20, canary=0.0, stable=0.0)
        world.run(60, canary=0.9, stable=0.9)
        assert world.state.phase in (RolloutPhase.PROGRESSING, RolloutPhase.WAITING)

    def test_a_limit_that_stable_breaks_too_aborts_nothing(self) -> None:
        world = World(replace(PLAN, bounds=Bounds(max_failure_ratio=0.02)))
        world.run(60, canary=0.5, stable=0.5)
        assert world.state.phase is not RolloutPhase.ABORTED
        assert "stable fails too" in world.state.reason

    @pytest.mark.parametrize("seed", range(5))
    def test_a_limit_does_not_abort_in_the_first_moments_of_an_outage_either(
        self, seed: int
    ) -> None:
        """The canary's ratio is over the limit before stable's, which has a long good past."""
        plan = replace(PLAN, bounds=Bounds(max_failure_ratio=0.1))
        world = World(with_rollout(plan, steps=(Step(5, 60.0), Step(50, 1e6))), seed=seed)
        world.run(100, canary=0.01, stable=0.01)
        assert world.weight == 50
        for _ in range(10):
            world.run(3, canary=0.5, stable=0.5)
            world.run(20, canary=0.01, stable=0.01)
        assert world.state.phase is not RolloutPhase.ABORTED

    def test_aborted_is_kept_until_retry(self) -> None:
        world = World()
        world.do(Verb.ABORT)
        world.run(300)
        assert (world.state.phase, world.weight) == (RolloutPhase.ABORTED, 0)
        world.do(Verb.RETRY)
        assert (world.state.step, world.weight) == (0, 5)

    def test_on_failure_pause_keeps_the_weight_and_says_so_once(self) -> None:
        world = World(with_rollout(on_failure=OnTrouble.PAUSE))
        world.run(120, canary=0.5)
        assert (world.state.phase, world.weight) == (RolloutPhase.PAUSED, 5)
        assert [entry.action for entry in world.state.history].count("pause") == 1

    def test_what_evidence_has_paused_stays_so(self) -> None:
        world = World(with_rollout(on_failure=OnTrouble.PAUSE))
        world.run(60, canary=0.5)
        world.run(300, stable=0.5)
        assert (world.state.phase, world.state.verdict) == (RolloutPhase.PAUSED, Verdict.ABORT)
        assert [entry.action for entry in world.state.history].count("pause") == 1

    def test_who_resumes_it_overrules_the_evidence_so_far(self) -> None:
        world = World(with_rollout(on_failure=OnTrouble.PAUSE))
        world.run(60, canary=0.5)
        world.do(Verb.RESUME)
        world.run(30)
        assert (world.state.phase, world.state.verdict) == (RolloutPhase.PROGRESSING, Verdict.WAIT)
        world.run(60, canary=0.5)
        assert world.state.phase is RolloutPhase.PAUSED

    def test_a_canary_that_turns_bad_with_all_messages_is_aborted_by_its_limit(self) -> None:
        """At 100 % there is nothing to compare with, and thousands of good messages behind it."""
        plan = replace(PLAN, bounds=Bounds(max_failure_ratio=0.02))
        world = World(with_rollout(plan, steps=(Step(100, 1e6),)))
        world.run(50)
        good = world.canary_messages
        world.run(10, canary=0.3)
        assert world.state.phase is RolloutPhase.ABORTED
        assert world.canary_messages - good < 400

    def test_a_paused_rollout_is_aborted_all_the_same(self) -> None:
        world = World()
        world.do(Verb.PAUSE)
        world.run(60, canary=0.3)
        assert world.state.phase is RolloutPhase.ABORTED

    def test_a_canary_that_turns_bad_after_thousands_of_good_messages_is_aborted(self) -> None:
        world = World(with_rollout(steps=(Step(25, 1e9), Step(100, 1.0))))
        world.run(60)
        good = world.canary_messages
        world.run(60, canary=0.3)
        assert world.state.phase is RolloutPhase.ABORTED
        assert world.canary_messages - good < 200


class TestSlow:
    @pytest.mark.parametrize(
        ("limit", "phase"), [(None, RolloutPhase.PROGRESSING), (2.0, RolloutPhase.ABORTED)]
    )
    def test_a_slow_canary_is_aborted_only_where_there_is_a_limit_on_latency(
        self, limit: float | None, phase: RolloutPhase
    ) -> None:
        plan = with_rollout(replace(PLAN, bounds=Bounds(max_p99_seconds=limit)))
        collector = Collector(plan.bounds, 50)
        deliveries = Deliveries(collector)
        state = begin(plan, collector.values, 0.0)
        for number in range(40):
            began = number * 10.0
            for is_canary in (True, False):
                delivery = deliveries.begin(began, canary=is_canary)
                deliveries.end(delivery, began + (3.0 if is_canary else 0.1), failed=False)
            deliveries.advance(began + 5.0)
            state = advance(state, plan, collector.values, 1.0)
        assert state.phase is phase


class TestVerbs:
    def test_a_verb_whose_result_holds_changes_nothing(self) -> None:
        world = World()
        world.do(Verb.RESUME)
        assert world.state.generation == 2
        for verb in (Verb.PAUSE, Verb.ABORT):
            world.do(verb)
            before = world.state
            world.do(verb)
            assert world.state is before

    def test_promote_is_one_step_and_full_is_all(self) -> None:
        world = World()
        world.do(Verb.PROMOTE)
        assert world.weight == 25
        world.do(Verb.PROMOTE, full=True)
        assert (world.state.phase, world.weight) == (RolloutPhase.PROMOTED, 100)
        before = world.state
        world.do(Verb.PROMOTE, full=True)
        assert world.state is before

    @pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.RESUME, Verb.PROMOTE])
    def test_what_is_aborted_only_starts_anew(self, verb: Verb) -> None:
        world = World()
        world.do(Verb.ABORT)
        with pytest.raises(PhaseConflictError, match="aborted"):
            world.do(verb)

    @pytest.mark.parametrize("verb", list(Verb))
    def test_what_is_promoted_needs_a_new_revision(self, verb: Verb) -> None:
        world = World()
        world.do(Verb.PROMOTE, full=True)
        with pytest.raises(PhaseConflictError, match="promoted"):
            world.do(verb)

    def test_who_did_it_is_in_the_history(self) -> None:
        world = World()
        world.do(Verb.PAUSE)
        assert (world.state.history[-1].by, world.state.history[-1].action) == ("ann", "pause")
        for _ in range(MAX_HISTORY):
            world.do(Verb.RESUME)
            world.do(Verb.PAUSE)
        assert len(world.state.history) == MAX_HISTORY


class TestReload:
    def test_the_same_plan_changes_nothing(self) -> None:
        world = World()
        before = world.state
        world.reload(replace(PLAN))
        assert world.state is before

    @pytest.mark.parametrize("change", [{"revision": "2"}, {"tag": "v3"}, {"address": "http://x/"}])
    def test_another_revision_is_a_new_trial(self, change: dict[str, str]) -> None:
        world = World()
        world.do(Verb.ABORT)
        world.reload(replace(PLAN, **change))
        assert (world.state.step, world.weight) == (0, 5)
        assert any(entry.action == "abort" for entry in world.state.history)

    def test_other_steps_never_raise_the_weight(self) -> None:
        world = World()
        world.do(Verb.PROMOTE)
        assert world.weight == 25
        world.reload(with_rollout(steps=tuple(Step(w, 60.0) for w in (1, 10, 30, 100))))
        assert world.weight == 10

    @pytest.mark.parametrize(
        "changed", [replace(PLAN, bounds=Bounds(margin=0.1)), with_rollout(steps=(Step(100, 1.0),))]
    )
    def test_what_has_ended_keeps_its_verdict_over_a_reload(self, changed: Plan) -> None:
        world = World()
        world.do(Verb.ABORT)
        world.reload(changed)
        assert (world.state.phase, world.state.verdict) == (RolloutPhase.ABORTED, Verdict.ABORT)
        world = World()
        world.do(Verb.PROMOTE, full=True)
        world.reload(changed)
        assert (world.state.phase, world.state.verdict) == (RolloutPhase.PROMOTED, Verdict.PASS)

    def test_what_was_promoted_below_100_goes_on_where_it_is(self) -> None:
        world = World(with_rollout(steps=(Step(5, 10.0), Step(50, 10.0))))
        world.do(Verb.PROMOTE, full=True)
        world.reload(with_rollout(steps=(Step(5, 10.0), Step(50, 10.0), Step(100, 10.0))))
        assert (world.state.phase, world.state.step, world.weight) == (RolloutPhase.WAITING, 1, 50)

    def test_what_was_promoted_at_the_last_step_stays_so(self) -> None:
        world = World()
        world.do(Verb.PROMOTE, full=True)
        world.reload(with_rollout(steps=(Step(5, 10.0), Step(100, 10.0))))
        assert (world.state.phase, world.weight) == (RolloutPhase.PROMOTED, 100)
        world.reload(with_rollout(steps=(Step(5, 10.0), Step(50, 10.0))))
        assert (world.state.phase, world.weight) == (RolloutPhase.PROMOTED, 50)

    def test_steps_that_all_are_above_the_weight_wait_to_be_started(self) -> None:
        world = World()
        world.reload(with_rollout(steps=(Step(50, 60.0), Step(100, 60.0))))
        assert world.weight == 0
        world.do(Verb.RESUME)
        assert world.weight == 50

    def test_other_limits_keep_the_step_and_begin_its_evidence_anew(self) -> None:
        world = World()
        world.run(61)
        assert world.weight == 25
        world.reload(replace(PLAN, bounds=Bounds(max_failure_ratio=0.05)))
        assert (world.weight, world.state.since) == (25, world.now)


class TestRollback:
    PLAN = Plan("canary", "http://b1/", "v2", rollback=Rollback(0.1, 60.0, 20))

    def test_a_canary_in_service_is_rolled_back_without_a_plan(self) -> None:
        world = World(self.PLAN)
        assert (world.state.phase, canary_weight(world.state, world.plan)) == (
            RolloutPhase.IDLE,
            None,
        )
        world.run(30, canary=0.01, stable=0.01)
        assert world.state.verdict is Verdict.PASS
        world.run(60, canary=0.4, stable=0.01)
        assert (world.state.phase, world.weight) == (RolloutPhase.ABORTED, 0)

    def test_below_its_ratio_it_does_not_fire_however_sure_the_comparison_is(self) -> None:
        world = World(self.PLAN)
        world.run(300, canary=0.06, stable=0.0)
        assert world.state.phase is RolloutPhase.IDLE

    def test_at_half_its_ratio_it_does_not_fire_by_chance(self) -> None:
        """Of the last 20 messages more than 10 % fail every minute or so, where 5 % do at all."""
        world = World(self.PLAN)
        world.run(120, canary=0.05, stable=0.05)
        assert world.state.phase is RolloutPhase.IDLE

    def test_a_probe_follows_the_cooldown_which_doubles(self) -> None:
        rollback = replace(self.PLAN.rollback, then=Then.PROBE, cooldown_seconds=100.0)
        world = World(replace(self.PLAN, rollback=rollback))
        world.run(60, canary=0.5)
        assert world.state.phase is RolloutPhase.ABORTED
        first = world.state.probe_at
        assert first is not None
        world.now = first
        world.look()
        assert (world.weight, world.state.probing) == (1, True)
        world.run(60, canary=0.5)
        assert (world.weight, world.state.aborts) == (0, 2)
        assert world.state.probe_at == world.state.since + 200.0

    def test_a_probe_that_stays_clear_gives_the_weight_back(self) -> None:
        rollback = replace(self.PLAN.rollback, then=Then.PROBE, cooldown_seconds=100.0)
        world = World(replace(self.PLAN, rollback=rollback))
        world.run(60, canary=0.5)
        assert world.state.probe_at is not None
        world.now = world.state.probe_at
        world.look()
        world.run(61)
        assert (world.state.phase, world.state.probing) == (RolloutPhase.IDLE, False)
        assert canary_weight(world.state, world.plan) is None
