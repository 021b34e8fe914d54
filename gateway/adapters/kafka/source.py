"""The source that is a Kafka topic: to the runtime it looks like a queue, kept in memory.

The group's consumer lives in a thread (`consumer_thread.py`); what it fetched is in windows, on the
loop. Committed is never more than what is settled.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.adapters.kafka.membership import Membership
from gateway.adapters.kafka.parking import Parking
from gateway.core.events import RouteWarned
from gateway.core.kafka.dead_letter import dead_letter_headers
from gateway.ports import Batch, EntryError, SourceError, SourceTraits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.adapters.kafka.partitions import Partition
    from gateway.adapters.kafka.producer import Producers
    from gateway.core.events import Event
    from gateway.core.kafka.partition_view import PartitionView
    from gateway.core.kafka.plan import KafkaPlan
    from gateway.core.messages.message import Message
    from gateway.log_port import Release

BATCH: Final = 500
LONG_SECONDS: Final = 10 * 365 * 24 * 60 * 60
"""The lease: what is in memory does not come back by itself."""

_LOST: Final = EntryError("NotAssigned", "its partition is assigned to another", lease_lost=True)


class KafkaSource:
    """A `LogSource`: a topic as one member of a group reads it.

    A partition that is taken away is drained for `revoke_seconds` at most.
    """

    def __init__(
        self,
        plan: KafkaPlan,
        producers: Producers,
        route: str,
        observe: Callable[[Event], None],
        revoke_seconds: float,
    ) -> None:
        self._plan = plan
        self._producers = producers
        self._member = Membership(plan, route, observe, revoke_seconds)
        self._producer = producers.acquire(plan) if plan.reject or plan.parking else None
        self._identity = "/".join((",".join(sorted(plan.brokers)), plan.topic.name, plan.group))
        self._joined = False
        self._behind: Callable[[Callable[[Message], bool]], None] = lambda _: None
        self._parking: Parking | None = None
        if plan.parking is not None and self._producer is not None:
            self._parking = Parking(
                plan.parking.name,
                self._producer,
                self._member,
                lambda what, then: observe(RouteWarned(route, what, then)),
            )

    @property
    def rebalances(self) -> int:
        """How often partitions came or went."""
        return self._member.rebalances

    async def open(self) -> SourceTraits:
        """Find the topics and join the group."""
        plan = self._plan
        if self._producer is not None:
            for topic in (plan.reject, plan.parking):
                if topic is not None:
                    await self._producer.find(topic.name)
        if not self._joined:
            await self._producers.joining[self._identity].acquire()
            self._joined = True
        if not self._member.joined:
            await self._member.join()
        return SourceTraits(
            "",
            LONG_SECONDS,
            max_delay_seconds=LONG_SECONDS,
            batch=BATCH,
            identity=self._identity,
            in_memory=True,
        )

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:  # noqa: ARG002 - nothing is leased
        """Wait up to `wait_seconds` for records that may be delivered."""
        member = self._member
        if not member.joined:
            await member.join()
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_seconds
        while True:
            now = clock()
            batch = self._take(limit, now)
            trouble = member.trouble
            if batch or (now >= deadline and trouble is None):
                return batch
            if trouble is not None and (now >= deadline or not member.trouble_raised):
                member.trouble_raised = True
                raise SourceError(trouble.why, trouble.code, trouble.what_to_do)
            await self._wait(now, deadline)

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """Settle records: their offsets are committed once all below them are settled."""
        refused = self._member.partitions.settle(receipts)
        self._member.moved()
        return dict.fromkeys(refused, _LOST)

    async def release(self, releases: Sequence[Release]) -> Mapping[int, EntryError]:
        """Take records back into their windows."""
        failed = {}
        now = asyncio.get_running_loop().time()
        for position, each in enumerate(releases):
            found = self._member.partitions.of_receipt(each.receipt)
            if found is None or not found[0].window.release(
                found[1], now + each.seconds, each.cause, elsewhere=each.elsewhere
            ):
                failed[position] = _LOST
        self._member.moved()
        return failed

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """Do nothing: a record is this member's while its partition is."""
        of_receipt = self._member.partitions.of_receipt
        return {
            position: _LOST
            for position, (receipt, _) in enumerate(leases)
            if of_receipt(receipt) is None
        }

    async def dead_letter(self, message: Message, attributes: Mapping[str, str]) -> tuple[str, ...]:
        """Produce it to the topic for rejected records; returns once all replicas have it."""
        target, record = self._plan.reject, message.record
        if target is None or record is None or self._producer is None:
            raise SourceError("no topic for rejected records is configured")
        headers = dead_letter_headers(message, attributes)
        await self._producer.confirmed(target.name, record.key, record.value, headers)
        return ()

    def on_lost(self, lost: Callable[[Callable[[Message], bool]], None]) -> None:
        """Have `lost` called, on the loop, with a test for messages that it is losing."""
        self._member.lost = lost

    def on_behind(self, behind: Callable[[Callable[[Message], bool]], None]) -> None:
        """Have `behind` called, on the loop, with a test for messages that may take a detour."""
        self._behind = behind

    async def finish(self) -> None:
        """Give out only what others wait for to be committed; return once that is done."""
        await self._member.finish()

    async def close(self) -> None:
        """Commit what is settled, and leave the group."""
        try:
            await self._member.leave()
        finally:
            if self._joined:
                self._joined = False
                self._producers.joining[self._identity].release()
        if self._producer is not None:
            self._producer = None
            await self._producers.release(self._plan)

    def partitions(self) -> Sequence[PartitionView]:
        """Describe the partitions that are read, in order."""
        return self._member.partitions.views()

    def _take(self, limit: int, now: float) -> Batch:
        batch = Batch(self._member.partitions.take(limit, now))
        if self._parking is not None:
            self._parking.park()
        if wanted := self._member.partitions.wanting_back(now):
            self._behind(lambda message: self._is_of(wanted, message))
        self._member.short = len(batch) < limit
        self._member.regulate()
        return batch

    def _is_of(self, partitions: Sequence[Partition], message: Message) -> bool:
        found = self._member.partitions.of_receipt(message.receipt)
        return found is not None and found[0] in partitions

    async def _wait(self, now: float, deadline: float) -> None:
        due_at = self._member.partitions.next_due_at()
        until = deadline if due_at is None else min(deadline, due_at)
        self._member.wake.clear()
        try:
            await asyncio.wait_for(self._member.wake.wait(), max(0.0, until - now))
        except TimeoutError:
            return
