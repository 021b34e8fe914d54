"""A `LogSource` in memory that stands on the windows of real partitions, in the loop's time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.aiokit.lazy_timer import CLOCK_RESOLUTION_SECONDS
from gateway.core.kafka.dead_letter import dead_letter_headers
from gateway.core.kafka.detour import Detour
from gateway.core.kafka.plan import WhenBehind
from gateway.core.kafka.records import message_of, place_name, place_of
from gateway.core.kafka.release_cause import ReleaseCause
from gateway.core.kafka.window import PartitionWindow
from gateway.core.messages.record import Record
from gateway.ports import Batch, EntryError, SourceError, SourceTraits
from tests.fakes.bell import Bell
from tests.fakes.faults import Faults, Operation
from tests.fakes.source import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.kafka.dead_letter import Headers
    from gateway.core.kafka.plan import KafkaPlan
    from gateway.core.messages.message import Message
    from gateway.log_port import PartitionView, Release
    from tests.fakes.faults import Fault

LEASE_SECONDS = 10**8
_LOST = EntryError("NotAssigned", "its partition is assigned to another", lease_lost=True)


class InMemoryLog:
    """A topic, read by one member of a group.

    `committed` is what a next member would begin at, by partition; `parked` and `dead` are what was
    produced to the other topics. `gone` are the partitions that another member has, `unparkable`
    says what the parking topic refuses.
    """

    def __init__(self, plan: KafkaPlan, bell: Bell | None = None) -> None:
        self.plan = plan
        self.name = plan.topic.name
        self.bell = bell or Bell()
        self.faults = Faults()
        self.calls: list[Call] = []
        self.closed = False
        self.log: dict[int, list[Record]] = defaultdict(list)
        self.committed: dict[int, int] = {}
        self.dead: list[tuple[Record, Headers]] = []
        self.parked: list[Record] = []
        self.gone: set[int] = set()
        self.unparkable: Callable[[Record], bool] = lambda _: False
        self.most_receiving = 0
        self._receiving = 0
        self._turn = -1  # which partition is asked first
        self._windows: dict[int, PartitionWindow] = {}
        self._fetched: dict[int, int] = defaultdict(int)  # how many of the log's records
        self._generations: dict[int, int] = defaultdict(int)  # how often each was assigned anew
        self._lost: Callable[[Callable[[Message], bool]], None] = lambda _: None
        self._behind: Callable[[Callable[[Message], bool]], None] = lambda _: None

    # ---- the port -------------------------------------------------------------------------

    async def open(self) -> SourceTraits:
        """Join the group."""
        await self._called(Operation.RESOLVE)
        return SourceTraits(
            "", LEASE_SECONDS, max_delay_seconds=LEASE_SECONDS, batch=500, in_memory=True
        )

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        """Wait for records that may be delivered."""
        self._receiving += 1
        self.most_receiving = max(self.most_receiving, self._receiving)
        try:
            return await self._long_poll(limit, wait_seconds, lease_seconds)
        finally:
            self._receiving -= 1

    async def _long_poll(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        call, _ = await self._called(Operation.RECEIVE, limit, wait_seconds, lease_seconds)
        until = self._now() + wait_seconds
        while True:
            batch = self._take(limit)
            if batch or self._now() >= until:
                call.brought = len(batch)
                return batch
            due = [each.next_due_at for each in self._windows.values()]
            next_at = min((each for each in due if each is not None), default=until)
            wake_at = max(min(until, next_at), self._now() + CLOCK_RESOLUTION_SECONDS)
            with suppress(TimeoutError):  # of two sums that should be one, either may be less
                async with asyncio.timeout_at(wake_at):
                    await self.bell.next_ring()

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """Settle, and commit what that allows."""
        await self._called(Operation.DELETE, *receipts)
        settled = [self._of(each, lambda window, at: window.settle(at)) for each in receipts]
        self._commit()
        return {position: _LOST for position, done in enumerate(settled) if not done}

    async def release(self, releases: Sequence[Release]) -> Mapping[int, EntryError]:
        """Take messages back."""
        await self._called(Operation.CHANGE_VISIBILITY, *releases)
        now = self._now()
        kept = [self._of(each.receipt, partial(_release, each, now)) for each in releases]
        self.bell.ring()
        return {position: _LOST for position, done in enumerate(kept) if not done}

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """Fail: nothing of a log has a lease."""
        raise AssertionError(f"a log has no leases: {leases}")

    async def dead_letter(self, message: Message, marks: Mapping[str, str]) -> tuple[str, ...]:
        """Produce it to the topic for rejected records."""
        await self._called(Operation.SEND_DEAD_LETTER, message.message_id)
        if self.plan.reject is None or message.record is None:
            raise SourceError("no topic for rejected records is configured")
        self.dead.append((message.record, dead_letter_headers(message, marks)))
        self.bell.ring()
        return ()

    def on_lost(self, lost: Callable[[Callable[[Message], bool]], None]) -> None:
        """Keep what to call when a partition goes."""
        self._lost = lost

    def on_behind(self, behind: Callable[[Callable[[Message], bool]], None]) -> None:
        """Keep what to call when a partition has fallen behind."""
        self._behind = behind

    async def finish(self) -> None:
        """Give only what is below something settled, until none of it is left."""
        for each in self._windows.values():
            each.close()
        self._lost(lambda _: True)
        self.bell.ring()
        while any(each.unfinished for each in self._windows.values()):
            await self.bell.next_ring()

    def partitions(self) -> Sequence[PartitionView]:
        """Describe the partitions."""
        return [each.view(self.name, number) for number, each in sorted(self._windows.items())]

    @property
    def rebalances(self) -> int:
        """How often a partition came back."""
        return sum(self._generations.values())

    async def close(self) -> None:
        """Leave the group."""
        self._commit()
        self.closed = True

    # ---- for tests ------------------------------------------------------------------------

    def produce(
        self, key: str | None = None, value: str = "{}", *, partition: int = 0, **rest: Any
    ) -> str:
        """Append a record; return the id of its message. `rest` are fields of the Record."""
        line = self.log[partition]
        offset = line[-1].offset + 1 if line else 0
        raw = None if key is None else key.encode()
        given = {"timestamp_ms": int(self._now() * 1000) + 1, **rest}
        line.append(Record(self.name, partition, offset, raw, value.encode(), **given))
        self.bell.ring()
        return f"{self.name}/{partition}/{line[-1].offset}"

    def lose(self, partition: int) -> None:
        """Have a partition taken away."""
        self.gone.add(partition)
        self._windows.pop(partition, None)
        self._lost(lambda message: message.message_id.startswith(f"{self.name}/{partition}/"))

    def get_back(self, partition: int) -> None:
        """Have it assigned again: it is read from what was committed."""
        self.gone.discard(partition)
        self._generations[partition] += 1
        committed = self.committed.get(partition, 0)
        earlier = [each for each in self.log[partition] if each.offset < committed]
        self._fetched[partition] = len(earlier)
        self.bell.ring()

    @property
    def left(self) -> list[str]:
        """Ids of the messages that are not committed."""
        return [
            f"{self.name}/{number}/{each.offset}"
            for number, line in self.log.items()
            for each in line
            if each.offset >= self.committed.get(number, 0)
        ]

    def view(self, partition: int = 0) -> PartitionView:
        """Describe one partition."""
        return self._windows[partition].view(self.name, partition)

    def calls_of(self, operation: Operation) -> list[Call]:
        """Return the calls of one operation."""
        return [call for call in self.calls if call.operation is operation]

    @property
    def releases(self) -> list[Release]:
        """Everything that was ever released."""
        return [each for c in self.calls_of(Operation.CHANGE_VISIBILITY) for each in c.asked]

    # ---- inside ---------------------------------------------------------------------------

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _called(self, operation: Operation, *asked: Any) -> tuple[Call, Fault]:
        call = Call(operation, self._now(), asked)
        self.calls.append(call)
        self.bell.ring()
        fault = self.faults.next(operation, len(asked))
        if fault.before is not None:
            await fault.before.wait()
        if fault.error is not None:
            raise fault.error
        return call, fault

    def _take(self, limit: int) -> Batch:
        batch = Batch()
        numbers = list(self.log)
        self._turn += 1
        turn = self._turn % max(1, len(numbers))
        for number in [*numbers[turn:], *numbers[:turn]]:
            if number in self.gone:
                continue
            window = self._windows.get(number)
            if window is None:
                window = self._windows[number] = self._window()
            self._fetch(number, window)
            taken = window.take(limit - len(batch), self._now())
            generation = self._generations[number]
            batch += [message_of(record, count, generation) for record, count in taken]
            self._park(window)
            if window.wants_back(self._now()):
                self._want_back(f"{self.name}/{number}/")
        return batch

    def _want_back(self, place: str) -> None:
        self._behind(lambda message: message.message_id.startswith(place))

    def _fetch(self, number: int, window: PartitionWindow) -> None:
        """Fetch until the partition has fallen behind."""
        for each in self.log[number][self._fetched[number] :]:
            if window.fallen_behind:
                return
            self._fetched[number] += 1
            window.add([each])

    def _park(self, window: PartitionWindow) -> None:
        for each in window.to_park:
            if self.unparkable(each):
                window.release(each.offset, self._now() + 1.0, ReleaseCause.WAITED)
            else:
                self.parked.append(each)
                window.detours.count += window.settle(each.offset)
        window.to_park.clear()
        self._commit()

    def _commit(self) -> None:
        self._commit_each()
        self.bell.ring()

    def _commit_each(self) -> None:
        for number, window in self._windows.items():
            if window.commit_offset is not None:
                window.watermark.ask()
                self._keep(number, window.commit_offset)
                window.confirm(window.commit_offset)

    def _keep(self, number: int, offset: int) -> None:
        self.committed[number] = offset

    def _of(self, receipt: str, act: Callable[[PartitionWindow, int], bool]) -> bool:
        place, offset = place_of(receipt)
        for number, window in self._windows.items():
            if place == place_name(self.plan.topic.name, number, self._generations[number]):
                return act(window, offset)
        return False

    def _window(self) -> PartitionWindow:
        plan, detour = self.plan, Detour.NONE
        if plan.parking is not None:
            detour = Detour.PARKED
        elif plan.when_behind is WhenBehind.FALLBACK:
            detour = Detour.TO_STABLE
        return PartitionWindow(plan.order, plan.max_behind, detour)


def _release(release: Release, now: float, window: PartitionWindow, offset: int) -> bool:
    _, seconds, cause, elsewhere = release
    return window.release(offset, now + seconds, cause, elsewhere=elsewhere)
