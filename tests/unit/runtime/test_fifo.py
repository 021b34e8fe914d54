"""FIFO: one delivery at a time per message group, in order; whatever happens."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Responded
from gateway.core.events import RouteWarned
from gateway.core.routing.route import Backoff, UnknownVersion
from tests.builders import STABLE, attribute, version
from tests.builders import route as any_route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import LOST, Fault, Operation, entries_fail, refused
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import InMemorySource

if TYPE_CHECKING:
    from gateway.core.routing.route import Route
    from gateway.ports import Batch

pytestmark = VIRTUAL_TIME

LEASE_SECONDS = 30


def fifo(**rest: Any) -> Route:
    return any_route(queue="orders.fifo", **rest)


def with_dead_letters() -> tuple[Route, InMemorySource]:
    dead_letters = InMemorySource("dead.fifo")
    route = fifo(dead_letter=parse_queue("dead.fifo"))
    return route, InMemorySource("orders.fifo", dead_letters=dead_letters)


def by_group(rig: Rig) -> dict[str, list[str]]:
    lines = defaultdict(list)
    for each in rig.stable.sent:
        lines[each.headers["message-group-id"]].append(each.message_id)
    return lines


def back_at(rig: Rig, name: str) -> list[int]:
    """Return the delays with which a message went back."""
    return [seconds for _, seconds in rig.queue.message(name).changes]


async def test_messages_of_a_group_are_delivered_in_order_one_at_a_time() -> None:
    async with at_work(fifo()) as rig:
        rig.stable.takes_seconds = 0.1
        rig.queue.send_many(35, group="g")
        await rig.empty()
        assert rig.stable.ids == [f"m-{number}" for number in range(1, 36)]
        assert rig.stable.most_running == 1


async def test_a_group_does_not_linger_between_its_messages() -> None:
    """A batch that waited for company would hold up every message behind it."""
    async with at_work(fifo()) as rig:
        began = rig.now
        rig.queue.send_many(30, group="g")
        await rig.empty()
        assert rig.now == began


async def test_groups_are_delivered_in_parallel() -> None:
    async with at_work(fifo()) as rig:
        rig.stable.hold()
        for number in range(20):
            rig.queue.send_many(2, group=f"g-{number}")
        await rig.until(lambda: rig.stable.running == 20)
        rig.stable.release()
        await rig.empty()
        assert rig.stable.most_running == 20


async def test_a_slow_group_holds_up_no_other() -> None:
    """Complaint 9."""
    async with at_work(fifo()) as rig:
        rig.stable.takes_seconds = 0.01
        rig.queue.send(group="slow")
        await rig.until(lambda: rig.stable.running)
        rig.stable.hold()
        rig.queue.send_many(3, group="quick")
        await rig.until(lambda: rig.stable.running == 2)
        rig.stable.release()
        await rig.empty()


async def test_every_group_keeps_its_order_when_deliveries_take_different_times() -> None:
    async with at_work(fifo()) as rig:
        rig.stable.pace = lambda name: (int(name) * 7 % 10) / 10
        for number in range(60):
            rig.queue.send(group=f"g-{number % 3}", message_id=f"{number:02}")
        await rig.empty()
        for names in by_group(rig).values():
            assert names == sorted(names)


async def test_after_a_retry_the_rest_of_the_group_goes_back_unforwarded_with_the_same_delay() -> (
    None
):
    """Complaint 6: a successor must not overtake the message that failed."""
    async with at_work(fifo(retry=Backoff(7, 300))) as rig:
        rig.stable.answer("m-2", Responded(500))
        rig.queue.send_many(4, group="g")
        await rig.until(lambda: rig.queue.message("m-4").changes)
        assert rig.stable.ids == ["m-1", "m-2"]
        assert [back_at(rig, name) for name in ("m-2", "m-3", "m-4")] == [[7], [7], [7]]
        await rig.empty()
        assert rig.stable.ids == ["m-1", "m-2", "m-2", "m-3", "m-4"]


async def test_a_retry_in_one_group_leaves_the_others_alone() -> None:
    async with at_work(fifo()) as rig:
        rig.stable.answer("m-1", Responded(500))
        rig.queue.send_many(3, group="failing")
        rig.queue.send_many(3, group="fine")
        await rig.empty()
        assert by_group(rig)["fine"] == ["m-4", "m-5", "m-6"]
        assert {rig.queue.message(name).receive_count for name in ("m-4", "m-5", "m-6")} == {1}


async def test_retry_after_is_the_delay_of_the_whole_group() -> None:
    async with at_work(fifo()) as rig:
        rig.stable.answer("m-1", Responded(429, retry_after_seconds=40))
        rig.queue.send_many(3, group="g")
        await rig.empty()
        assert [back_at(rig, name) for name in ("m-1", "m-2", "m-3")] == [[40], [40], [40]]


async def test_the_next_message_waits_until_the_delete_of_the_one_before_it_is_confirmed() -> None:
    """A crash in between may repeat a message; it can never overtake one."""
    async with at_work(fifo()) as rig:
        slow = asyncio.Event()
        rig.queue.faults.script(Operation.DELETE, Fault(after=slow))
        rig.queue.send_many(2, group="g")
        await rig.until(lambda: rig.queue.message("m-1").deletes)
        await rig.rest(60)
        assert rig.stable.ids == ["m-1"]
        slow.set()
        await rig.empty()
        assert rig.stable.ids == ["m-1", "m-2"]


async def test_a_delete_that_has_to_be_repeated_holds_up_its_group_alone() -> None:
    async with at_work(fifo()) as rig:
        rig.queue.faults.script(Operation.DELETE, refused(), refused())
        rig.queue.send_many(2, group="g")
        await rig.until(lambda: len(rig.queue.calls_of(Operation.DELETE)) == 1)
        rig.queue.send_many(2, group="other")
        await rig.empty()
        assert by_group(rig) == {"g": ["m-1", "m-2"], "other": ["m-3", "m-4"]}


async def test_a_group_goes_on_after_a_confirmed_dead_letter_send() -> None:
    route, queue = with_dead_letters()
    async with at_work(route, queue) as rig:
        rig.stable.answer("m-1", Responded(400))
        rig.queue.send_many(3, group="g")
        await rig.empty()
        assert rig.stable.ids == ["m-1", "m-2", "m-3"]
        assert {each.receive_count for each in rig.queue.messages} == {1}
        assert queue.dead_letters is not None
        assert [each.group for each in queue.dead_letters.messages] == ["g"]


async def test_a_group_goes_back_when_the_dead_letter_send_failed() -> None:
    route, queue = with_dead_letters()
    async with at_work(route, queue) as rig:
        rig.stable.answer("m-1", Responded(400), Responded(400))
        rig.queue.faults.script(Operation.SEND_DEAD_LETTER, refused())
        rig.queue.send_many(3, group="g")
        await rig.empty()
        assert rig.stable.ids == ["m-1", "m-1", "m-2", "m-3"]


async def test_a_group_does_not_go_on_after_a_redrive() -> None:
    """The message stays where it is until the queue's redrive policy takes it away."""
    async with at_work(fifo(retry=Backoff(2, 50)), max_receive_count=2) as rig:
        rig.stable.answer("m-1", Responded(400), Responded(400))
        rig.queue.send_many(2, group="g")
        await rig.empty()
        assert back_at(rig, "m-1") == [50, 50]
        assert rig.queue.moved == ["m-1", "m-2"], "its neighbour's receives are used up with it"
        assert rig.stable.ids == ["m-1", "m-1"]


async def test_a_lost_lease_gives_the_rest_of_the_group_back() -> None:
    """SQS hands the group out again from the lost message on, so nothing may overtake it."""
    async with at_work(fifo(visibility_seconds=30)) as rig:
        rig.queue.faults.script(Operation.DELETE, entries_fail(0, error=LOST))
        rig.queue.send_many(3, group="g")
        await rig.until(lambda: rig.queue.message("m-3").changes)
        assert rig.stable.ids == ["m-1"]
        assert [back_at(rig, name) for name in ("m-2", "m-3")] == [[0], [0]]
        await rig.empty()
        assert rig.stable.ids == ["m-1", "m-1", "m-2", "m-3"]


async def test_an_unknown_version_holds_its_group_back_until_there_is_one() -> None:
    route = fifo(unknown_version=UnknownVersion.RETRY)
    async with at_work(route) as rig:
        rig.queue.send(group="g", attributes={"version": attribute("v9")})
        rig.queue.send_many(2, group="g")
        await rig.rest(30)
        assert rig.stable.ids == []
        assert rig.queue.left == ["m-1", "m-2", "m-3"]


async def test_a_message_without_a_group_is_a_group_of_its_own() -> None:
    async with at_work(fifo()) as rig:
        rig.queue.send_many(2)
        await rig.empty()
        assert sorted(rig.stable.ids) == ["m-1", "m-2"]


async def test_a_group_at_the_limit_of_its_version_waits_as_one() -> None:
    one = version("stable", max_in_flight=1)
    async with at_work(fifo(versions=[one], max_in_flight=50)) as rig:
        rig.stable.takes_seconds = 1
        for group in ("a", "b", "c"):
            rig.queue.send_many(3, group=group)
        await rig.empty()
        for names in by_group(rig).values():
            assert names == sorted(names)
        assert rig.stable.most_running == 1
        assert {each.receive_count for each in rig.queue.messages} == {1}


def with_canary(**rest: Any) -> Route:
    """A route whose canary may take ten minutes for a message."""
    return fifo(versions=[STABLE, version("canary", "v2", timeout_seconds=600)], **rest)


def send_groups(rig: Rig, groups: int, messages: int, tag: str = "v2") -> None:
    for number in range(groups):
        pinned = {"version": attribute(tag)}
        rig.queue.send_many(messages, group=f"{tag}-{number}", attributes=pinned)


def gone_back(rig: Rig) -> int:
    """Return how many messages went back; extensions ask for the whole lease."""
    changes = [each.changes for each in rig.queue.messages]
    return sum(any(seconds < LEASE_SECONDS for _, seconds in one) for one in changes)


async def test_messages_behind_a_hanging_canary_go_back_when_permits_run_out() -> None:
    """But for a tenth of the permits, as with messages at the limit of their version."""
    async with at_work(with_canary(max_in_flight=20)) as rig:
        rig.canary.hold()
        send_groups(rig, groups=10, messages=2)
        await rig.until(lambda: rig.canary.running == 10)
        rig.queue.send(group="stable")
        await rig.until(lambda: rig.stable.sent)
        assert rig.now < 10
        assert gone_back(rig) == 8
        rig.canary.release()


async def test_messages_behind_a_hanging_canary_stay_while_there_are_permits() -> None:
    async with at_work(with_canary(max_in_flight=50)) as rig:
        rig.canary.hold()
        send_groups(rig, groups=10, messages=2)
        await rig.rest(60)
        assert gone_back(rig) == 0
        rig.canary.release()


async def test_messages_behind_a_canary_that_moves_stay_though_permits_have_run_out() -> None:
    async with at_work(with_canary(max_in_flight=20)) as rig:
        rig.canary.takes_seconds = 3
        send_groups(rig, groups=10, messages=4)
        await rig.empty()
        assert {each.receive_count for each in rig.queue.messages} == {1}


async def test_messages_behind_a_slow_stable_stay_though_permits_have_run_out() -> None:
    """They would only come again, and nobody else has a use for the permits."""
    async with at_work(with_canary(max_in_flight=20)) as rig:
        rig.stable.takes_seconds = 20
        send_groups(rig, groups=10, messages=2, tag="v1")
        rig.queue.send(group="another")
        await rig.empty()
        assert {each.receive_count for each in rig.queue.messages} == {1}


async def test_a_soft_stop_gives_the_rest_of_each_group_back_at_once() -> None:
    """Complaint 5: what was not begun is visible at once, behind what still runs."""
    async with at_work(fifo()) as rig:
        rig.stable.hold()
        rig.queue.send_many(3, group="a")
        rig.queue.send_many(3, group="b")
        await rig.until(lambda: rig.stable.running == 2)
        stopping = asyncio.create_task(rig.stop(drain_seconds=10))
        await rig.until(lambda: back_at(rig, "m-6"))
        assert [back_at(rig, f"m-{n}") for n in range(1, 7)] == [[], [0], [0], [], [0], [0]]
        rig.stable.release()
        await stopping
        assert rig.queue.left == ["m-2", "m-3", "m-5", "m-6"]


async def test_a_soft_stop_in_the_middle_of_a_settlement_delivers_nothing_more() -> None:
    async with at_work(fifo()) as rig:
        slow = asyncio.Event()
        rig.queue.faults.script(Operation.DELETE, Fault(before=slow))
        rig.queue.send_many(2, group="g")
        await rig.until(lambda: rig.queue.calls_of(Operation.DELETE))
        rig.running.stop(10)
        slow.set()
        await rig.ended()
        assert rig.stable.ids == ["m-1"]
        assert rig.queue.left == rig.queue.visible == ["m-2"]


@pytest.mark.parametrize("drain_seconds", [0, 5])
async def test_a_delivery_that_outlives_the_drain_stays_in_front_of_its_group(
    drain_seconds: int,
) -> None:
    async with at_work(fifo()) as rig:
        rig.stable.hold()
        rig.queue.send_many(3, group="g")
        await rig.until(lambda: rig.stable.running)
        await rig.stop(drain_seconds)
        assert rig.queue.visible == ["m-1", "m-2", "m-3"]


async def test_messages_of_a_fifo_queue_without_group_are_told_once() -> None:
    """An emulator may leave the group out; each of them is a group of its own then."""

    class Forgetful(InMemorySource):
        async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
            messages = await super().receive(limit, wait_seconds, lease_seconds)
            for each in messages:
                each.group = None
            return messages

    async with at_work(fifo(), Forgetful("orders.fifo")) as rig:
        for number in range(5):
            rig.queue.send(group=f"g-{number}")
            await rig.empty()
        warnings = [each for each in rig.observer.of(RouteWarned) if "Group" in each.what]
        assert len(warnings) == 1
