"""At least once, whatever happens: random answers, failing calls, reloads, stops and restarts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Responded
from gateway.core.events import DeliveryCrashed
from gateway.core.routing.route import Backoff, Fallback
from tests.builders import route as any_route
from tests.fakes.chaos import Chaos, Trouble, in_virtual_time
from tests.fakes.faults import Operation
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import InMemorySource

if TYPE_CHECKING:
    from gateway.core.routing.route import Route
    from tests.fakes.store import Stored
    from tests.fakes.target import Sent

MESSAGES = 30
LEASE_SECONDS = 6
RETRY = Backoff(1, 8)
CHAOS_SECONDS = 20.0
CALM_SECONDS = 600.0
"""More than every lease, backoff and pause of the runtime together."""

shape = {
    "seed": st.integers(0, 2**32 - 1),
    "fifo": st.booleans(),
    "dead_letters": st.booleans(),
    "max_in_flight": st.sampled_from([1, 3, 10, 50]),
}
stop = {
    "stop_at": st.floats(0, CHAOS_SECONDS),
    "drain_seconds": st.floats(0, 6),
    "hard": st.booleans(),
}
many = settings(max_examples=80)


class World:
    """One queue, the gateways that work on it one after the other, and all that they did."""

    def __init__(
        self, trouble: Trouble, *, seed: int, fifo: bool, dead_letters: bool, max_in_flight: int
    ) -> None:
        self.chaos = Chaos(seed, trouble)
        self.random = self.chaos.random
        self.fifo, self.dead_letters, self.max_in_flight = fifo, dead_letters, max_in_flight
        self.sent: list[Sent] = []
        self.crashed: list[DeliveryCrashed] = []
        self.queue = InMemorySource(
            "orders.fifo" if fifo else "orders",
            visibility_seconds=LEASE_SECONDS,
            dead_letters=InMemorySource("dead"),
        )
        self.queue.round_trip_seconds = self.random.choice([0, 0.002, 0.1])

    def route(self, **rest: Any) -> Route:
        """Make a routing table with some weights or other."""
        canary = self.random.choice([0, 10, 50, 100])
        return any_route(
            {"stable": 100 - canary, "canary": canary},
            queue=self.queue.name,
            wait_seconds=2,
            max_in_flight=self.max_in_flight,
            retry=RETRY,
            fallback=None if self.fifo else Fallback(),
            dead_letter=parse_queue("dead") if self.dead_letters else None,
            **rest,
        )

    async def send(self) -> None:
        """Send all messages, some at once and some later."""
        for number in range(MESSAGES):
            if self.random.random() < 0.3:
                await asyncio.sleep(self.random.random())
            self.queue.send(message_id=f"{number:02}", group=self.random.choice("abc"))

    async def trouble(self, rig: Rig) -> None:
        """Let things go wrong, and the routing table change, for a while."""
        self.chaos.unleash(rig)
        sending = asyncio.create_task(self.send())
        while rig.now < CHAOS_SECONDS:
            await asyncio.sleep(self.random.random() * 8)
            rig.running.adopt(self.route())
        await sending

    async def calm(self, rig: Rig) -> None:
        """Let everything work; now every message has to be done with."""
        self.chaos.calm(rig)
        async with asyncio.timeout(CALM_SECONDS):
            await rig.empty()

    def remember(self, rig: Rig) -> None:
        """Keep what a gateway did."""
        self.sent += [sent for _, target in rig.targets for sent in target.sent]
        self.crashed += rig.observer.of(DeliveryCrashed)

    def acked(self, stored: Stored) -> list[Sent]:
        """Return the deliveries of a message that were answered with 2xx."""
        return [
            sent
            for sent in self.sent
            if sent.message_id == stored.message_id and sent.result == Responded(200)
        ]

    def buried(self, stored: Stored) -> list[float]:
        """Return when dead-letter copies of a message were confirmed."""
        calls = self.queue.calls_of(Operation.SEND_DEAD_LETTER)
        ended = [call.ended_at for call in calls if call.asked == (stored.message_id,)]
        return [at for at in ended if at is not None]

    def check_deletes(self) -> None:
        """Deleted implies a 2xx or a confirmed dead letter before it."""
        for stored in self.queue.messages:
            for deleted_at in stored.deletes:
                ends = [sent.ended_at for sent in self.acked(stored)] + self.buried(stored)
                assert any(at is not None and at <= deleted_at for at in ends), stored

    def check_order(self) -> None:
        """No delivery begins before all earlier messages of its group are gone."""
        groups: dict[str | None, list[Stored]] = defaultdict(list)
        for stored in self.queue.messages:
            for sent in self.sent:
                if sent.message_id == stored.message_id:
                    for earlier in groups[stored.group]:
                        assert earlier.gone_at is not None
                        assert earlier.gone_at <= sent.began_at, (earlier, sent)
            groups[stored.group].append(stored)

    def check(self) -> None:
        """Check what has to hold in every world."""
        self.check_deletes()
        if self.fifo:
            self.check_order()


def all_permits_free(rig: Rig) -> bool:
    permits = rig.running._parts.permits
    return permits.free == permits.limit


@given(**shape)
@many
def test_without_trouble_every_message_is_received_and_delivered_once(**traits: Any) -> None:
    async def story() -> None:
        world = World(Trouble(), **traits)
        async with at_work(world.route(), world.queue) as rig:
            await world.trouble(rig)
            await world.calm(rig)
        world.remember(rig)
        assert sorted(sent.message_id for sent in world.sent) == [
            stored.message_id for stored in world.queue.messages
        ]
        assert {stored.receive_count for stored in world.queue.messages} == {1}
        world.check()
        assert all_permits_free(rig)

    in_virtual_time(story())


@given(**shape)
@many
def test_failing_deliveries_lose_nothing_and_repeat_nothing_that_was_acked(**traits: Any) -> None:
    async def story() -> None:
        world = World(Trouble(deliveries=0.5), **traits)
        async with at_work(world.route(), world.queue) as rig:
            await world.trouble(rig)
            await world.calm(rig)
        world.remember(rig)
        for stored in world.queue.messages:
            assert len(world.acked(stored)) + len(world.buried(stored)) == 1
        world.check()
        assert all_permits_free(rig)

    in_virtual_time(story())


@given(**shape)
@many
def test_failing_calls_to_the_queue_lose_nothing_and_stop_nothing_for_good(**traits: Any) -> None:
    async def story() -> None:
        world = World(Trouble(deliveries=0.3, calls=0.4), **traits)
        async with at_work(world.route(), world.queue) as rig:
            await world.trouble(rig)
            await world.calm(rig)
        world.remember(rig)
        world.check()
        assert all_permits_free(rig)

    in_virtual_time(story())


@given(**stop, **shape)
@many
def test_a_stop_amid_trouble_loses_nothing_and_the_next_gateway_goes_on(
    *, stop_at: float, drain_seconds: float, hard: bool, **traits: Any
) -> None:
    async def story() -> None:
        world = World(Trouble(deliveries=0.3, calls=0.2), **traits)
        async with at_work(world.route(), world.queue) as rig:
            troubling = asyncio.create_task(world.trouble(rig))
            await asyncio.sleep(stop_at)
            rig.running.halt() if hard else rig.running.stop(drain_seconds)
            await rig.ended()
            await troubling
        world.remember(rig)
        async with at_work(world.route(), world.queue) as another:
            await world.calm(another)
        world.remember(another)
        world.check()
        assert all_permits_free(another)

    in_virtual_time(story())


@given(**stop, **shape)
@many
def test_a_stop_hides_no_message_for_longer_than_a_retry(
    *, stop_at: float, drain_seconds: float, hard: bool, **traits: Any
) -> None:
    """Complaint 5: with a queue that works, what was not delivered is visible at once."""

    async def story() -> None:
        world = World(Trouble(), **traits)
        async with at_work(world.route(), world.queue) as rig:
            troubling = asyncio.create_task(world.trouble(rig))
            await asyncio.sleep(stop_at)
            rig.running.halt() if hard else rig.running.stop(drain_seconds)
            await rig.ended()
            hidden = set(world.queue.left) - set(world.queue.visible)
            await troubling
        world.remember(rig)
        cut_off = hard and world.queue.round_trip_seconds
        assert not hidden or cut_off, "only a receive that was cut off may have leased more"
        world.check()

    in_virtual_time(story())
