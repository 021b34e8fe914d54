"""Members of a group that read one topic side by side, each of which may die without a word.

The topic knows who owns each partition, as the coordinator of a group does: it refuses the commits
of a member that has been replaced and does not know it yet.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.disposition import Responded
from tests.fakes.log import InMemoryLog
from tests.fakes.target import FakeTarget
from tests.property.gateway_life import GatewayLife

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.kafka.plan import KafkaPlan
    from gateway.core.kafka.window import PartitionWindow
    from gateway.core.messages.message import Message
    from gateway.core.messages.record import Record
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.log_port import Release
    from gateway.ports import Batch, EntryError
    from tests.fakes.bell import Bell
    from tests.fakes.target import FakeSending, Sent

COPY_SECONDS: Final = 10.0
"""How long a dead-letter copy takes: about as long as time passes in a step of the machine."""


class Topic:
    """What the broker has, and what the services saw; `wrongs` are what should not have been."""

    def __init__(self, bell: Bell, *, ordered: bool) -> None:
        self.bell = bell
        self.log: dict[int, list[Record]] = defaultdict(list)
        self.committed: dict[int, int] = {}
        self.owners: dict[int, Member] = {}
        self.done: set[str] = set()
        self.deliveries: dict[str, int] = defaultdict(int)
        self.taken: dict[str, int] = defaultdict(int)  # acked by a service, or parked
        self.wrongs: list[str] = []
        self._ordered = ordered
        self._newest: dict[str, int] = {}

    def commit(self, member: Member, partition: int, offset: int) -> None:
        """Commit, where it is the member's to commit and news."""
        if self.owners.get(partition) is not member or self.committed.get(partition) == offset:
            return
        for each in self.log[partition]:
            name = f"orders/{partition}/{each.offset}"
            if each.offset < offset and name not in self.done:
                self.wrongs.append(f"{member.who} commits {offset}, past {name}")
        self.committed[partition] = offset
        self.bell.ring()  # for news alone: members that wake each other for nothing never rest

    def take(self, name: str) -> None:
        """Take note that a service, or the parking topic, has a record."""
        self.done.add(name)
        self.taken[name] += 1

    def begins(self, sent: Sent) -> None:
        """Take note of a delivery: the first ones of a key come in the order of the log."""
        name = sent.message_id
        self.deliveries[name] += 1
        _, partition, text = name.split("/")
        (record,) = [each for each in self.log[int(partition)] if each.offset == int(text)]
        if self.deliveries[name] > 1 or record.key is None or not self._ordered:
            return
        line = f"{partition} {record.key!r}"
        if record.offset < self._newest.get(line, -1):
            self.wrongs.append(f"{name} is delivered first after {self._newest[line]} of its key")
        self._newest[line] = record.offset


class Member(InMemoryLog):
    """One member's line to the topic; nothing goes through once it is `dead`."""

    def __init__(self, plan: KafkaPlan, topic: Topic, who: str) -> None:
        super().__init__(plan, topic.bell)
        self.topic, self.who, self.dead_now = topic, who, False
        self.log, self.committed = topic.log, {}
        self.gone = set(topic.log)
        self._leaving: dict[int, Callable[[], None]] = {}

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        batch = await super().receive(limit, wait_seconds, lease_seconds)
        self._alive()
        return batch

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        self._alive()
        failed = await super().ack(receipts)
        self._leave_drained()
        return failed

    async def release(self, releases: Sequence[Release]) -> Mapping[int, EntryError]:
        self._alive()
        failed = await super().release(releases)
        self._leave_drained()
        return failed

    async def dead_letter(self, message: Message, marks: Mapping[str, str]) -> tuple[str, ...]:
        await asyncio.sleep(COPY_SECONDS)  # so that anything may happen meanwhile
        self._alive()
        dropped = await super().dead_letter(message, marks)
        self.topic.done.add(message.message_id)
        return dropped

    def owned(self, partition: int) -> None:
        """Begin at what is committed."""
        self.topic.owners[partition] = self
        if partition in self.topic.committed:
            self.committed[partition] = self.topic.committed[partition]
        self._fetched.pop(partition, None)
        self.get_back(partition)

    def revoke(self, partition: int, left: Callable[[], None]) -> None:
        """Begin nothing more of a partition, and leave it once nothing of it is out."""
        self.gone.add(partition)
        self._leaving[partition] = left
        self._lost(lambda message: message.message_id.startswith(f"orders/{partition}/"))
        self._leave_drained()

    def give_up(self, partition: int) -> None:
        """Leave a partition with what is settled by now, if it is still being left."""
        left = self._leaving.pop(partition, None)
        if left is not None:
            self._commit()
            self._windows.pop(partition, None)
            left()

    def _leave_drained(self) -> None:
        for number in list(self._leaving):
            window = self._windows.get(number)
            if window is None or not window.out:
                self.give_up(number)

    def _alive(self) -> None:
        if self.dead_now:
            raise asyncio.CancelledError("the process is dead")

    def _commit(self) -> None:
        if not self.dead_now:
            self._commit_each()  # the topic rings, for news alone

    def _keep(self, number: int, offset: int) -> None:
        self.topic.commit(self, number, offset)

    def _park(self, window: PartitionWindow) -> None:
        for each in window.to_park:
            if not self.unparkable(each):
                self.topic.take(f"{each.topic}/{each.partition}/{each.offset}")
        super()._park(window)


class WatchedTarget(FakeTarget):
    """A target of one member, whose deliveries the topic's witness sees."""

    def __init__(self, member: Member) -> None:
        super().__init__(member.bell)
        self._topic = member.topic

    def begin(
        self, sent: Sent, timeout_seconds: float, done: Callable[[DeliveryResult], None]
    ) -> FakeSending:
        self._topic.begins(sent)
        return super().begin(sent, timeout_seconds, done)

    def ended(self, sent: Sent) -> None:
        super().ended(sent)
        result = None if sent.cancelled else sent.result
        if isinstance(result, Responded) and 200 <= result.status < 300:
            self._topic.take(sent.message_id)


class LogReplica(GatewayLife):
    """One gateway process that is a member of the group."""

    def __init__(
        self,
        name: str,
        route: Route,
        topic: Topic,
        equip: Callable[[FakeTarget, Version], None],
    ) -> None:
        assert route.kafka is not None
        super().__init__(name)
        self.member = Member(route.kafka, topic, name)
        self._equip = equip
        self.begin(route, self.member, self._make_target, topic.bell)

    def fall_silent(self) -> None:
        """Have its member die."""
        self.member.dead_now = True

    def _make_target(self, version: Version) -> FakeTarget:
        target = WatchedTarget(self.member)
        self._equip(target, version)
        return target
