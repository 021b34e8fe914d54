"""The drain of a queue in virtual time: nothing lost, in order, and when it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.sqs.drain.drain import Drain, DrainError
from gateway.adapters.sqs.drain.ends import Depth, NotSent
from gateway.adapters.sqs.drain.waves import calls, waves
from gateway.core.messages.message import Attribute, Message
from gateway.ports import SourceError
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Operation, entries_fail, refused, reply_lost
from tests.fakes.source import InMemorySource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = VIRTUAL_TIME
THROTTLED = NotSent("RequestThrottled: slow down")
REFUSED = NotSent("InvalidMessageContents: no", refused=True)


class Target:
    """Keeps what was sent, and when; `faults` are of the next calls: an error or failed entries."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.times: list[float] = []
        self.largest = 0
        self.faults: list[SourceError | dict[int, NotSent]] = []
        self.always: dict[str, NotSent] = {}

    async def send(self, messages: Sequence[Message]) -> Mapping[int, NotSent]:
        self.largest = max(self.largest, len(messages))
        await asyncio.sleep(0.01)
        fault = self.faults.pop(0) if self.faults else {}
        if isinstance(fault, SourceError):
            raise fault
        known = enumerate(each.message_id for each in messages)
        failed = {at: why for at, why in fault.items() if at < len(messages)} | {
            at: self.always[name] for at, name in known if name in self.always
        }
        kept = [each for at, each in enumerate(messages) if at not in failed]
        self.sent += kept
        self.times += [asyncio.get_running_loop().time()] * len(kept)
        return failed

    @property
    def ids(self) -> list[str]:
        return [each.message_id for each in self.sent]


class Bench:
    """A drain of a queue in memory."""

    def __init__(self, name: str = "b1", *, rate: float | None = None) -> None:
        self.queue = InMemorySource(name, visibility_seconds=30)
        self.target = Target()
        self.warnings: list[str] = []
        self.told: list[tuple[int, Depth]] = []
        self.drain = Drain(
            self.queue,
            self.target,
            self,
            fifo=self.queue.fifo,
            lease_seconds=30,
            rate=rate,
            report=lambda moved, depth: self.told.append((moved, depth)),
            warn=self.warnings.append,
        )

    async def depth(self) -> Depth:
        visible, left = len(self.queue.visible), len(self.queue.left)
        return Depth(visible, 0, left - visible)


async def test_everything_is_moved_once_and_deleted() -> None:
    bench = Bench()
    sent = bench.queue.send_many(95)
    assert await bench.drain.run()
    assert sorted(bench.target.ids) == sorted(sent)
    assert bench.queue.left == []
    assert bench.drain.moved == 95
    assert bench.told[-1] == (95, Depth())


async def test_it_ends_once_the_queue_was_empty_for_longer_than_its_visibility_timeout() -> None:
    bench = Bench()
    loop = asyncio.get_running_loop()
    assert await bench.drain.run()
    assert 30 < loop.time() < 45


async def test_what_a_consumer_held_is_waited_for() -> None:
    """In flight at the version's own consumer: it comes back when that lets go."""
    bench = Bench()
    bench.queue.send_many(3)
    await bench.queue.receive(10, 0, 300)
    assert await bench.drain.run()
    assert bench.drain.moved == 3
    assert min(bench.target.times) >= 300


async def test_a_message_that_comes_late_starts_the_count_again() -> None:
    bench = Bench()
    running = asyncio.create_task(bench.drain.run())
    await asyncio.sleep(28)
    bench.queue.send()
    await running
    assert bench.drain.moved == 1
    assert asyncio.get_running_loop().time() > 58


async def test_a_stop_finishes_what_was_received_and_leaves_the_rest() -> None:
    bench = Bench()
    sent = bench.queue.send_many(400)
    running = asyncio.create_task(bench.drain.run())
    await bench.queue.bell.next_ring()
    while not bench.target.sent:
        await bench.queue.bell.next_ring()
    bench.drain.stop()
    assert not await running
    assert 0 < bench.drain.moved < 400
    assert sorted([*bench.target.ids, *bench.queue.left]) == sorted(sent)
    assert sorted(bench.queue.visible) == sorted(bench.queue.left)


async def test_a_rate_is_kept() -> None:
    bench = Bench(rate=4)
    bench.queue.send_many(40)
    await bench.drain.run()
    first, last = bench.target.times[0], bench.target.times[-1]
    assert 9 <= last - first <= 10
    for at in range(36):
        assert bench.target.times[at + 4] - bench.target.times[at] >= 0.99


async def test_a_rate_below_one_is_kept_too() -> None:
    bench = Bench(rate=0.1)
    bench.queue.send_many(4)
    await bench.drain.run()
    assert [round(at) for at in bench.target.times] == [0, 10, 20, 30]


async def test_groups_stay_in_order_where_sends_fail() -> None:
    bench = Bench("b1.fifo")
    for at in range(60):
        bench.queue.send(
            message_id=f"{at % 3}-{at:02d}", group=str(at % 3), deduplication_id=str(at)
        )
    lost = SourceError("the connection broke", "ConnectionError")
    bench.target.faults += [{}, {0: THROTTLED}, lost, {}, {1: THROTTLED, 2: THROTTLED}, lost]
    assert await bench.drain.run()
    for group in "012":
        own = [each for each in bench.target.ids if each.startswith(group)]
        assert own == sorted(own)
    assert len(bench.target.ids) == 60
    assert bench.target.largest <= 3  # one message of a group at a time


async def test_what_was_sent_and_not_deleted_is_not_sent_again() -> None:
    bench = Bench()
    bench.queue.send_many(5)
    bench.queue.faults.script(Operation.DELETE, *[refused() for _ in range(4)])
    assert await bench.drain.run()
    assert len(bench.target.ids) == 5
    assert bench.queue.left == []
    assert any("not deleted" in warning for warning in bench.warnings)


async def test_a_delete_whose_answer_was_lost_or_that_failed_in_part_is_repeated() -> None:
    bench = Bench()
    bench.queue.send_many(5)
    bench.queue.faults.script(Operation.DELETE, reply_lost(), entries_fail(1, 2))
    assert await bench.drain.run()
    assert len(bench.target.ids) == 5
    assert bench.queue.left == []


async def test_a_receive_that_fails_is_repeated() -> None:
    bench = Bench()
    bench.queue.send_many(5)
    bench.queue.faults.script(Operation.RECEIVE, refused(), reply_lost())
    assert await bench.drain.run()
    assert bench.drain.moved == 5


async def test_a_message_that_is_never_taken_ends_it_after_the_others_were_moved() -> None:
    bench = Bench()
    bench.queue.send_many(30)
    bench.target.always["m-7"] = REFUSED
    with pytest.raises(DrainError, match="message m-7 is refused: InvalidMessageContents"):
        await bench.drain.run()
    assert bench.queue.left == ["m-7"]


async def test_a_refused_message_does_not_keep_a_long_queue_from_being_moved() -> None:
    bench = Bench(rate=10)
    bench.queue.send_many(600)
    bench.target.always["m-7"] = REFUSED
    with pytest.raises(DrainError, match="message m-7 is refused: InvalidMessageContents"):
        await bench.drain.run()
    assert bench.queue.left == ["m-7"]
    assert bench.drain.moved == 599


@pytest.mark.parametrize("code", ["AccessDenied", "QueueDoesNotExist", "KmsAccessDenied"])
async def test_what_will_not_change_by_itself_ends_it(code: str) -> None:
    bench = Bench()
    bench.queue.send_many(3)
    bench.target.faults.append(SourceError("send: no", code, "do something"))
    with pytest.raises(DrainError, match="send: no") as ended:
        await bench.drain.run()
    assert ended.value.what_to_do == "do something"
    assert len(bench.queue.left) == 3


async def test_throttling_slows_it_down_and_loses_nothing() -> None:
    bench = Bench()
    sent = bench.queue.send_many(50)
    bench.target.faults += [
        SourceError("slow down", "KmsThrottled"),
        dict.fromkeys(range(10), THROTTLED),
    ]
    assert await bench.drain.run()
    assert sorted(bench.target.ids) == sorted(sent)


async def test_an_unreadable_message_stays_and_ends_it() -> None:
    bench = Bench()
    name = bench.queue.send(bench.queue.unreadable)
    with pytest.raises(DrainError, match=f"message {name} cannot be read"):
        await bench.drain.run()
    assert bench.queue.left == [name]


async def test_a_call_has_ten_entries_and_a_mebibyte_at_most() -> None:
    small = [Message(f"m-{at}", "x") for at in range(25)]
    assert [len(call) for call in calls(small)] == [10, 10, 5]
    large = [Message(f"m-{at}", "x" * 400_000) for at in range(5)]
    assert [len(call) for call in calls(large)] == [2, 2, 1]
    full = Message("m", "é" * 524_286, attributes={"a": Attribute("Bin", "b")})
    assert [len(call) for call in calls([full, Message("n", "x")])] == [1, 1]


async def test_waves_have_one_message_of_a_group() -> None:
    messages = [Message(str(at), "x", group=group) for at, group in enumerate("aabca")]
    found = [[each.message_id for each in wave] for wave in waves(messages, in_order=True)]
    assert found == [["0", "2", "3"], ["1"], ["4"]]
