"""Processes that work on one queue side by side, each of which may die without a word."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.fakes.chaos import VirtualTimeLoop
from tests.fakes.target import FakeTarget
from tests.property.gateway_life import GatewayLife

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.messages.message import Message
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Batch, EntryError, SourceTraits
    from tests.fakes.source import InMemorySource
    from tests.fakes.target import FakeSending, Sent
    from tests.property.witness import Witness


class NumberedTask(asyncio.Task[Any]):
    """A task whose place in a set depends on its number, not on where it lies in memory."""

    numbers = count()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._number = next(self.numbers)
        super().__init__(*arguments, **named)

    def __hash__(self) -> int:
        return self._number


def virtual_time() -> asyncio.Runner:
    """Return a runner with a clock of its own, which does the same thing every time."""
    return asyncio.Runner(loop_factory=_new_loop)


def _new_loop() -> VirtualTimeLoop:
    NumberedTask.numbers = count()
    loop = VirtualTimeLoop(noop_cycles=0)
    loop.set_task_factory(lambda own, work, **named: NumberedTask(work, loop=own, **named))
    return loop


class Line:
    """One process's line to the queue, as a `Queue`: the witness listens, and it can be cut."""

    def __init__(self, name: str, queue: InMemorySource, witness: Witness) -> None:
        self.cut = False
        self._name, self._queue, self._witness = name, queue, witness

    async def open(self) -> SourceTraits:
        self._goes_through()
        return await self._queue.open()

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        self._goes_through()
        messages = await self._queue.receive(limit, wait_seconds, lease_seconds)
        self._witness.received(self._name, messages)
        return messages

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        self._goes_through()
        for receipt in receipts:
            self._witness.deletes(self._name, receipt)
        return await self._queue.ack(receipts)

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        self._goes_through()
        return await self._queue.set_leases(leases)

    async def dead_letter(self, message: Message, marks: Mapping[str, str]) -> tuple[str, ...]:
        self._goes_through()
        dropped = await self._queue.dead_letter(message, marks)
        self._witness.buried(self._name, message.message_id)
        return dropped

    async def close(self) -> None:
        pass

    def _goes_through(self) -> None:
        if self.cut:
            raise asyncio.CancelledError("the process is dead")


class WatchedTarget(FakeTarget):
    """A target of one process, with the witness looking on."""

    def __init__(self, name: str, queue: InMemorySource, witness: Witness) -> None:
        super().__init__(queue.bell)
        self._name, self._witness = name, witness

    def begin(
        self, sent: Sent, timeout_seconds: float, done: Callable[[DeliveryResult], None]
    ) -> FakeSending:
        self._witness.begins(self._name, sent.message_id)
        return super().begin(sent, timeout_seconds, done)

    def ended(self, sent: Sent) -> None:
        super().ended(sent)
        result = None if sent.cancelled else sent.result
        self._witness.ends(self._name, sent.message_id, result)


class Replica(GatewayLife):
    """One gateway process: started at once, and stopped in one of three ways."""

    def __init__(
        self,
        name: str,
        route: Route,
        queue: InMemorySource,
        witness: Witness,
        equip: Callable[[FakeTarget], None],
    ) -> None:
        super().__init__(name)
        self._queue, self._witness, self._equip = queue, witness, equip
        self._line = Line(name, queue, witness)
        self.begin(route, self._line, self._make_target, queue.bell)

    def fall_silent(self) -> None:
        """Cut its line."""
        self._line.cut = True

    @property
    def kept_permits(self) -> bool:
        """Whether it has not got back every permit."""
        permits = self.running._parts.permits
        return permits.free != permits.limit

    def _make_target(self, version: Version) -> FakeTarget:
        target = WatchedTarget(self.name, self._queue, self._witness)
        self._equip(target)
        return target
