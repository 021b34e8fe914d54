"""A defect of ours costs one message a retry; a crash of a loop ends the route with its error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.events import DeliveryCrashed, Outcome
from tests.builders import route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Operation, entries_fail
from tests.fakes.rig import at_work
from tests.fakes.source import InMemorySource

if TYPE_CHECKING:
    from gateway.ports import Batch

pytestmark = VIRTUAL_TIME


@pytest.mark.parametrize("queue", ["orders", "orders.fifo"])
async def test_a_crash_while_one_message_is_in_hand_retries_that_message_alone(queue: str) -> None:
    async with at_work(route(queue=queue)) as rig:
        crash = RuntimeError("a defect")
        rig.stable.answer("m-3", crash)
        for number in range(5):
            rig.queue.send(group=f"g-{number}")
        await rig.empty()
        counts = {each.message_id: each.receive_count for each in rig.queue.messages}
        assert counts == {"m-1": 1, "m-2": 1, "m-3": 2, "m-4": 1, "m-5": 1}
        assert rig.observer.of(DeliveryCrashed) == [DeliveryCrashed("orders", "m-3", crash)]


async def test_a_crash_gives_the_message_back_with_the_backoff() -> None:
    async with at_work(route()) as rig:
        rig.stable.answer("m-1", RuntimeError(), RuntimeError())
        rig.random = 1.0
        rig.queue.send()
        await rig.empty()
        assert [seconds for _, seconds in rig.queue.message("m-1").changes] == [4, 8]


async def test_a_crash_in_a_group_gives_the_rest_of_it_back() -> None:
    async with at_work(route(queue="orders.fifo")) as rig:
        rig.stable.answer("m-1", RuntimeError())
        rig.queue.send_many(3, group="g")
        await rig.empty()
        assert rig.stable.ids == ["m-1", "m-1", "m-2", "m-3"]


async def test_a_crash_gives_the_version_s_turn_and_the_permit_back() -> None:
    async with at_work(route(max_in_flight=10)) as rig:
        for number in range(10):
            rig.stable.answer(f"m-{number + 1}", RuntimeError())
        rig.queue.send_many(30)
        await rig.empty()
        assert rig.observer.outcomes() == [("stable", Outcome.ACK)] * 30
        assert rig.running.view().in_flight_by_version == {"stable": 0, "canary": 0}


async def test_a_crash_of_the_poll_ends_the_route_with_that_error() -> None:
    """No zombie that looks healthy and moves nothing."""

    class Broken(InMemorySource):
        async def receive(self, *asked: Any) -> Batch:
            if self.left:
                raise KeyError("a defect of the adapter")
            return await super().receive(*asked)

    async with at_work(route(wait_seconds=1), Broken()) as rig:
        rig.queue.send()
        with pytest.raises(ExceptionGroup) as crashed:
            await rig.ended()
        assert crashed.group_contains(KeyError)
        assert not crashed.group_contains(RuntimeError)


async def test_a_crash_amid_deliveries_ends_with_that_error_alone() -> None:
    """The deliveries cannot be settled any more, and do not add errors of their own."""

    class Broken(InMemorySource):
        broken = False

        async def receive(self, *asked: Any) -> Batch:
            messages = await super().receive(*asked)
            if self.broken:
                raise KeyError("a defect of the adapter")
            return messages

    queue = Broken()
    async with at_work(route(wait_seconds=1, visibility_seconds=30), queue) as rig:
        rig.stable.hold()
        rig.queue.send_many(25)
        await rig.until(lambda: rig.stable.running == 25)
        queue.broken = True
        with pytest.raises(ExceptionGroup) as crashed:
            await rig.ended()
        assert crashed.group_contains(KeyError)
        assert not crashed.group_contains(RuntimeError)
        await rig.rest(31)
        assert len(queue.visible) == 25, "the leases give the messages back"


async def test_everything_that_runs_is_named() -> None:
    async with at_work(route()) as rig:
        rig.stable.hold()
        rig.queue.send()
        await rig.until(lambda: rig.stable.running)
        names = {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}
        assert {"poll orders", "extend leases orders"} <= names
        assert not [name for name in names if name.startswith("Task-")]
        rig.stable.release()


async def test_nothing_is_left_running_after_a_stop_amid_every_kind_of_work() -> None:
    """The rig looks at what is left; here there is a great deal to leave."""
    async with at_work(route(max_in_flight=60)) as rig:
        rig.queue.round_trip_seconds = 0.2
        rig.queue.faults.script(Operation.DELETE, *[entries_fail(0, 1)] * 3)
        rig.stable.pace = lambda name: int(name.removeprefix("m-")) % 7 / 10
        rig.queue.send_many(300)
        await rig.until(lambda: len(rig.stable.sent) > 100)
        await rig.stop(0.1)
