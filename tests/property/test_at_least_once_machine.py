"""At least once, by a machine that does to gateways whatever the world may do to them.

It sends, changes how services answer and how long they take, lets calls to the queue fail, changes
the routing table, starts gateways beside each other, stops and kills them, in any order. A witness
judges each delivery and each delete as it happens; in the end everything works again, and whatever
was not deleted has to be delivered.
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

from tests.fakes.chaos import BATCHES, FAILURES
from tests.fakes.faults import LOST, Operation, entries_fail, refused, reply_lost
from tests.property.world_machine import WorldMachine
from tests.property.worlds import DRAIN_SECONDS, OK, VERSIONS, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.version import Version
    from tests.fakes.faults import Fault
    from tests.property.replicas import Replica

MOST_WORKING = 2
MOST_MESSAGES = 40

worlds = st.fixed_dictionaries(
    {
        "fifo": st.booleans(),
        "dead_letters": st.booleans(),
        "round_trip_seconds": st.sampled_from([0, 0.1]),
    }
)
any_replica = st.integers(0, 9)
positions = st.sets(st.integers(0, 4), min_size=1)  # those beyond the end of a batch change nothing
answers = st.lists(st.sampled_from([OK, *FAILURES]), min_size=1, max_size=4)
whole_calls = st.tuples(st.sampled_from(Operation), st.sampled_from([refused(), reply_lost()]))
entries = st.tuples(
    st.sampled_from(BATCHES),
    st.builds(lambda at, applied: entries_fail(*at, applied=applied), positions, st.booleans()),
)
refusals = st.tuples(
    st.just(Operation.DELETE), st.builds(lambda at: entries_fail(*at, error=LOST), positions)
)
calls_that_fail = st.lists(whole_calls | entries | refusals, min_size=1, max_size=8)
# Rather few worlds than short ones: what needs a lease to end is found by 40 steps, not by 25.
same_every_time = settings(stateful_step_count=40, derandomize=True)


def stop_in_a_hurry(world: World, replica: Replica) -> None:
    world.stop(replica, drain_seconds=1)


class Machine(WorldMachine):
    """What happens in every world: gateways come, are stopped softly, get new routing tables."""

    world: World

    @precondition(lambda self: len(self.world.queue.messages) < MOST_MESSAGES)
    @rule(groups=st.text("abc", min_size=1, max_size=6))
    def send(self, groups: str) -> None:
        for group in groups:
            self.world.send(group)

    @rule(
        versions=st.sampled_from(VERSIONS),
        canary=st.sampled_from([0, 10, 50, 100]),
        max_in_flight=st.sampled_from([1, 3, 10, 50]),
    )
    def adopt(self, versions: tuple[Version, ...], canary: int, max_in_flight: int) -> None:
        self.world.adopt(versions, canary, max_in_flight)

    @precondition(lambda self: len(self.world.working) < MOST_WORKING)
    @rule()
    def start(self) -> None:
        self.world.start()

    @precondition(lambda self: self.world.working)
    @rule(which=any_replica)
    def stop_softly(self, which: int) -> None:
        working = self.world.working
        self.world.stop(working[which % len(working)], DRAIN_SECONDS)

    def check_end(self) -> None:
        """Every message was done with: a 2xx, or a confirmed dead letter."""
        assert self.world.witness.done == set(self.world.sent)


class SteadyWorld(Machine):
    """Nothing fails."""

    @initialize(traits=worlds)
    def begin(self, traits: dict[str, Any]) -> None:
        self.world = World(**traits)
        self.world.start()

    def check_end(self) -> None:
        """Each message is delivered exactly once."""
        assert self.world.witness.deliveries == dict.fromkeys(self.world.sent, 1)


class TroubledWorld(Machine):
    """Services and queue fail as well, and gateways are stopped in every way there is."""

    @initialize(traits=worlds, results=answers, failing=calls_that_fail)
    def begin(
        self,
        traits: dict[str, Any],
        results: list[DeliveryResult | Exception],
        failing: list[tuple[Operation, Fault]],
    ) -> None:
        self.world = World(**traits)
        self.services_answer(results)
        self.calls_will_fail(failing)
        self.world.start()

    @rule(results=answers)
    def services_answer(self, results: list[DeliveryResult | Exception]) -> None:
        self.world.answer(results)

    @rule(failing=calls_that_fail)
    def calls_will_fail(self, failing: list[tuple[Operation, Fault]]) -> None:
        for operation, fault in failing:
            self.world.fail(operation, fault)

    @precondition(lambda self: self.world.held and not self.world.queue.fifo)
    @rule(which=any_replica)
    def sqs_hands_one_out_again(self, which: int) -> None:
        held = self.world.held
        self.world.hand_out_again(held[which % len(held)])

    @precondition(lambda self: self.world.alive)
    @rule(which=any_replica, how=st.sampled_from([World.kill, World.halt, stop_in_a_hurry]))
    def end_one(self, which: int, how: Callable[[World, Replica], None]) -> None:
        alive = self.world.alive
        how(self.world, alive[which % len(alive)])


def test_without_faults_each_message_is_delivered_exactly_once() -> None:
    run_state_machine_as_test(SteadyWorld, settings=same_every_time)


def test_with_any_failure_or_death_nothing_is_lost_and_no_group_is_out_of_order() -> None:
    """Deleted implies a 2xx or a confirmed dead letter; not deleted implies delivered later."""
    run_state_machine_as_test(TroubledWorld, settings=same_every_time)
