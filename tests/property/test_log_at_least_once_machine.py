"""At least once on a log, by a machine that does to a group what the world may do to it.

It produces, changes how services answer and how long they take, has the canary hang and come back,
moves its weight and its url, lets calls fail, moves partitions softly and hard, starts members,
stops and kills them, in any order. Nothing is ever committed past a record that is not done with;
the first deliveries of a key are in order; in the end everything works again, and all has to be
delivered and committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.core.kafka.plan import Order
from tests.fakes.chaos import FAILURES
from tests.fakes.faults import Operation, refused
from tests.property.log_worlds import DRAIN_SECONDS, OK, PARTITIONS, LogWorld
from tests.property.world_machine import WorldMachine

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from tests.property.log_members import LogReplica

MOST_WORKING = 3
MOST_RECORDS = 40

worlds = st.fixed_dictionaries(
    {
        "order": st.sampled_from(Order),
        "reject": st.booleans(),
        "max_attempts": st.sampled_from([1, 3, 8]),
        "max_behind": st.sampled_from([4, 1000]),
        "behind": st.sampled_from(["pause", "fallback", "parking"]),
    }
).filter(lambda it: not (it["order"] is Order.PARTITION and it["behind"] == "fallback"))
worlds_behind = st.fixed_dictionaries(
    {
        "order": st.sampled_from(Order),
        "reject": st.booleans(),
        "max_attempts": st.just(1000),
        "max_behind": st.sampled_from([1, 2, 4]),
        "behind": st.sampled_from(["fallback", "parking", "pause"]),
    }
).filter(lambda it: not (it["order"] is Order.PARTITION and it["behind"] == "fallback"))
any_one = st.integers(0, 9)
partitions = st.integers(0, PARTITIONS - 1)
answers = st.lists(st.sampled_from([OK, *FAILURES]), min_size=1, max_size=4)
calls = st.sampled_from([Operation.RESOLVE, Operation.RECEIVE, Operation.SEND_DEAD_LETTER])
same_every_time = settings(max_examples=40, stateful_step_count=30, derandomize=True)


def stop_in_a_hurry(world: LogWorld, replica: LogReplica) -> None:
    world.stop(replica, drain_seconds=1)


class LogMachine(WorldMachine):
    """What happens in every world: members come, are stopped softly, partitions move softly."""

    world: LogWorld

    @precondition(lambda self: self.world.produced < MOST_RECORDS)
    @rule(keys=st.text("abcdef-", min_size=1, max_size=6), gap=st.integers(0, 2))
    def produce(self, keys: str, gap: int) -> None:
        for key in keys:
            self.world.produce(key, gap)

    @rule(
        canary=st.sampled_from([0, 10, 50, 100]),
        max_in_flight=st.sampled_from([1, 3, 10, 50]),
        moved=st.integers(0, 1),
    )
    def adopt(self, canary: int, max_in_flight: int, moved: int) -> None:
        self.world.adopt(canary, max_in_flight, moved)

    @precondition(lambda self: len(self.world.working) < MOST_WORKING)
    @rule()
    def start(self) -> None:
        self.world.start()

    @precondition(lambda self: self.world.working)
    @rule(partition=partitions, which=any_one)
    def move_softly(self, partition: int, which: int) -> None:
        self.world.move(partition, self.one(which))

    @precondition(lambda self: self.world.working)
    @rule(which=any_one)
    def stop_softly(self, which: int) -> None:
        self.world.stop(self.one(which), DRAIN_SECONDS)

    def check_end(self) -> None:
        """Every record was done with: a 2xx, a confirmed dead letter, or parked."""
        assert self.world.topic.done == self.world.names

    def one(self, which: int) -> LogReplica:
        return self.world.working[which % len(self.world.working)]


class SteadyGroup(LogMachine):
    """Nothing fails."""

    @initialize(traits=worlds)
    def begin(self, traits: dict[str, Any]) -> None:
        self.world = LogWorld(**traits)
        self.world.start()

    def check_end(self) -> None:
        """Each record is delivered exactly once, or was parked."""
        super().check_end()
        assert set(self.world.topic.deliveries.values()) <= {1}


class HangingCanary(LogMachine):
    """Two members at first, that fall behind: a canary hangs, and comes back, or not."""

    @initialize(traits=worlds_behind, connecting=st.booleans())
    def begin(self, traits: dict[str, Any], *, connecting: bool) -> None:
        self.world = LogWorld(**traits)
        self.world.start()
        self.world.start()
        self.world.hang(hanging=True, connecting=connecting)
        for key in "abcdefabcdef":
            self.world.produce(key, 0)

    @rule(hanging=st.booleans(), connecting=st.booleans())
    def the_canary_hangs_or_recovers(self, *, hanging: bool, connecting: bool) -> None:
        self.world.hang(hanging=hanging, connecting=connecting)

    @rule(refuses=st.booleans())
    def the_parking_topic_refuses(self, *, refuses: bool) -> None:
        self.world.parking_refuses = refuses

    def check_end(self) -> None:
        """What stayed with its member was acked, or parked, once, and nothing was rejected."""
        super().check_end()
        assert not any(each.member.dead for each in self.world.replicas)
        moved = tuple(f"orders/{partition}/" for partition in self.world.moved)
        stayed = {each for each in self.world.names if not each.startswith(moved)}
        assert {self.world.topic.taken[each] for each in stayed} <= {1}


class TroubledGroup(LogMachine):
    """Services and calls fail as well, partitions are lost, and members end in every way."""

    @initialize(traits=worlds, results=answers)
    def begin(self, traits: dict[str, Any], results: list[DeliveryResult | Exception]) -> None:
        self.world = LogWorld(**traits)
        self.services_answer(results)
        self.world.start()

    @rule(results=answers)
    def services_answer(self, results: list[DeliveryResult | Exception]) -> None:
        self.world.answer(results)

    @rule(hanging=st.booleans(), connecting=st.booleans())
    def the_canary_hangs_or_recovers(self, *, hanging: bool, connecting: bool) -> None:
        self.world.hang(hanging=hanging, connecting=connecting)

    @rule(operation=calls, times=st.integers(1, 3))
    def calls_will_fail(self, operation: Operation, times: int) -> None:
        for _ in range(times):
            self.world.fail(operation, refused())

    @precondition(lambda self: self.world.working)
    @rule(partition=partitions, which=any_one)
    def move_in_a_hurry(self, partition: int, which: int) -> None:
        self.world.move(partition, self.one(which), seconds=0.1)

    @precondition(lambda self: self.world.working)
    @rule(partition=partitions, which=any_one)
    def lose_one(self, partition: int, which: int) -> None:
        self.world.steal(partition, self.one(which))

    @rule()
    def all_learn_what_they_lost(self) -> None:
        self.world.learn()

    @precondition(lambda self: self.world.alive)
    @rule(which=any_one, how=st.sampled_from([LogWorld.kill, LogWorld.halt, stop_in_a_hurry]))
    def end_one(self, which: int, how: Callable[[LogWorld, LogReplica], None]) -> None:
        alive = self.world.alive
        how(self.world, alive[which % len(alive)])


def test_without_faults_each_record_is_delivered_exactly_once_while_partitions_move() -> None:
    run_state_machine_as_test(SteadyGroup, settings=same_every_time)


def test_with_a_canary_that_hangs_all_is_done_once_while_partitions_fall_behind_and_move() -> None:
    run_state_machine_as_test(HangingCanary, settings=same_every_time)


def test_with_any_failure_or_death_nothing_is_committed_early_and_all_is_delivered() -> None:
    run_state_machine_as_test(TroubledGroup, settings=same_every_time)


def test_a_soft_stop_repeats_nothing_above_a_record_that_waited_for_its_key() -> None:
    world = LogWorld(order=Order.KEY, reject=True, max_attempts=8, max_behind=1000, behind="pause")
    try:
        world.pace_seconds = 4
        world.start()
        for key in "ffc":  # all of one partition; the second waits for the first
            world.produce(key, 0)
        world.stop(world.working[0], DRAIN_SECONDS)
        world.pass_time(DRAIN_SECONDS)
        world.come_to_rest()
        assert set(world.topic.deliveries.values()) == {1}
    finally:
        world.close()
