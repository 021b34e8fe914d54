"""A `Source` in memory that behaves as SQS does, in the running loop's time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from gateway.core.delivery.dead_letter import copy_attributes
from gateway.ports import (
    Batch,
    EntryError,
    Ordering,
    Redrive,
    SourceError,
    SourceTraits,
    Unreadable,
)
from tests.fakes.bell import Bell
from tests.fakes.faults import Faults, Operation
from tests.fakes.store import ERRORS, ReadableReceipts, Stored
from tools.sqs_model.message import Stage
from tools.sqs_model.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.messages.message import Attribute, Message
    from tests.fakes.faults import Fault
    from tools.sqs_model.queue import Refusal


@dataclass(slots=True)
class Call:
    """One call: its times, arguments, and how many messages or entries it got."""

    operation: Operation
    began_at: float
    asked: tuple[Any, ...]
    ended_at: float | None = None
    brought: int = 0


@dataclass(frozen=True, slots=True)
class _CutOff:
    """A long poll whose caller hung up: SQS still leases to it what is sent before its end."""

    until: float
    limit: int
    visibility_seconds: int


class InMemorySource:
    """A standard queue, or a FIFO one by its name.

    `faults` scripts what goes wrong; `calls` and `message(id)` have what happened. A call takes
    `round_trip_seconds`, half of it before its effect.
    """

    def __init__(
        self,
        name: str = "orders",
        *,
        visibility_seconds: int = 30,
        max_receive_count: int | None = None,
        dead_letters: InMemorySource | None = None,
        bell: Bell | None = None,
    ) -> None:
        self.name = name
        self.visibility_seconds = visibility_seconds
        self.dead_letters = dead_letters
        self.bell = bell or Bell()
        self.faults = Faults()
        self.calls: list[Call] = []
        self.round_trip_seconds = 0.0
        self.missing = False
        self.unreadable = "\0"  # the body of messages that cannot be read
        self.closed = False
        self.redrive: Redrive | None = None
        self.identity = ""
        self.dead_letter_identities: frozenset[str] = frozenset()
        self._by_id: dict[str, Stored] = {}
        self._model: Queue[Stored] = Queue(
            ReadableReceipts(self._by_id), fifo=self.fifo, record=Stored.record
        )
        self._model.max_receive_count = max_receive_count
        self._numbers = count(1)
        self._cut_off: list[_CutOff] = []

    # ---- the port -------------------------------------------------------------------------

    async def open(self) -> SourceTraits:
        """Return the visibility timeout and the order."""
        call, fault = self._began(Operation.RESOLVE, ())
        await self._there(fault)
        if self.missing:
            raise SourceError(f"no queue is called {self.name}", "NonExistentQueue")
        await self._back(call, fault)
        return SourceTraits(
            f"memory://{self.name}",
            self.visibility_seconds,
            Ordering.GROUP if self.fifo else Ordering.NONE,
            redrive=self.redrive,
            identity=self.identity,
            dead_letters=self.dead_letter_identities,
        )

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        """Long-poll; a send and the end of a lease both end the wait."""
        asked = (limit, wait_seconds, lease_seconds)
        call, fault = self._began(Operation.RECEIVE, asked)
        await self._there(fault)
        messages = await self._long_poll(*asked)
        call.brought = len(messages)
        await self._back(call, fault)
        odd = self.unreadable
        unreadable = [Unreadable(each.message_id, odd) for each in messages if each.body == odd]
        batch = Batch([each for each in messages if each.body != odd])
        batch.unreadable = unreadable
        return batch

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """Delete by receipt."""
        return await self._batch(
            Operation.DELETE, receipts, lambda receipt: self._model.delete(receipt, self._now())
        )

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """Set when leases end."""
        return await self._batch(
            Operation.CHANGE_VISIBILITY,
            leases,
            lambda lease: self._model.change_visibility(lease[0], lease[1], self._now()),
        )

    async def dead_letter(self, message: Message, marks: Mapping[str, str]) -> tuple[str, ...]:
        """Send a copy to `dead_letters`."""
        call, fault = self._began(Operation.SEND_DEAD_LETTER, (message.message_id,))
        await self._there(fault)
        if self.dead_letters is None:
            raise SourceError("no dead-letter queue is configured")
        attributes, dropped = copy_attributes(message, marks)
        fifo = self.dead_letters.fifo
        self.dead_letters.send(
            message.body,
            attributes=attributes,
            group=(message.group or message.message_id) if fifo else None,
            deduplication_id=message.message_id if fifo else None,
        )
        await self._back(call, fault)
        return dropped

    async def close(self) -> None:
        """Record that it was closed."""
        self.closed = True

    # ---- for tests -------------------------------------------------------------------------

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return self.name.endswith(".fifo")

    def send(
        self,
        body: str = "{}",
        *,
        message_id: str | None = None,
        attributes: Mapping[str, Attribute] | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
        delay_seconds: float = 0,
    ) -> str:
        """Send a message, called m-1, m-2, ... unless it is named; return its id."""
        now = self._now()
        name = message_id or f"m-{next(self._numbers)}"
        sent = Stored(name, body, now, attributes or {}, group, deduplication_id)
        stored = self._model.send(sent, now, delay_seconds, deduplication_id or "")
        self._by_id[stored.message_id] = stored
        self._serve_cut_off()
        self.bell.ring()
        return stored.message_id

    def send_many(self, messages: int, **rest: Any) -> list[str]:
        """Send several that are alike; return their ids."""
        return [self.send(**rest) for _ in range(messages)]

    def hand_out_again(self, message_id: str) -> None:
        """Let a leased message be received again, as a standard queue may now and then."""
        self._model.end_lease(self._by_id[message_id], self._now())
        self.bell.ring()

    def message(self, message_id: str) -> Stored:
        """Return a message with its history, whether it is still there or not."""
        return self._by_id[message_id]

    @property
    def messages(self) -> list[Stored]:
        """Every message ever sent."""
        return self._model.messages

    @property
    def left(self) -> list[str]:
        """Ids of the messages that are still in the queue."""
        return [each.message_id for each in self.messages if not each.gone]

    @property
    def visible(self) -> list[str]:
        """Ids of the messages that a receive could get now, FIFO order aside."""
        self._model.advance(self._now())
        return [each.message_id for each in self.messages if each.stage is Stage.VISIBLE]

    @property
    def moved(self) -> list[str]:
        """Ids of the messages that the redrive policy has moved away."""
        return [each.message_id for each in self.messages if each.stage is Stage.MOVED]

    def calls_of(self, operation: Operation) -> list[Call]:
        """Return the calls of one operation."""
        return [call for call in self.calls if call.operation is operation]

    # ---- inside ---------------------------------------------------------------------------

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _began(self, operation: Operation, asked: Sequence[Any]) -> tuple[Call, Fault]:
        call = Call(operation, self._now(), tuple(asked))
        self.calls.append(call)
        self.bell.ring()
        return call, self.faults.next(operation, len(call.asked))

    async def _there(self, fault: Fault) -> None:
        if self.round_trip_seconds:
            await asyncio.sleep(self.round_trip_seconds / 2)
        if fault.before is not None:
            await fault.before.wait()
        if fault.error is not None and not fault.applied:
            raise fault.error

    async def _back(self, call: Call, fault: Fault) -> None:
        self.bell.ring()
        if fault.after is not None:
            await fault.after.wait()
        if self.round_trip_seconds:
            await asyncio.sleep(self.round_trip_seconds / 2)
        if fault.error is not None:
            raise fault.error
        call.ended_at = self._now()
        self.bell.ring()

    async def _batch(
        self,
        operation: Operation,
        entries: Sequence[Any],
        apply: Callable[[Any], Refusal | None],
    ) -> dict[int, EntryError]:
        call, fault = self._began(operation, entries)
        await self._there(fault)
        failed: dict[int, EntryError] = {}
        for position, entry in enumerate(entries):
            scripted = fault.entries.get(position)
            refusal = apply(entry) if scripted is None or fault.applied else None
            if scripted is not None:
                failed[position] = scripted
            elif refusal is not None:
                failed[position] = ERRORS[refusal]
        call.brought = len(entries) - len(failed)
        await self._back(call, fault)
        return failed

    async def _long_poll(self, limit: int, wait_seconds: int, lease: int) -> list[Message]:
        until = round(self._now() + wait_seconds, 6)
        try:
            while True:
                self._serve_cut_off()
                messages = self._receive(limit, lease)
                if messages or self._now() >= until:
                    return messages
                await self._change(until)
        except asyncio.CancelledError:
            self._cut_off.append(_CutOff(until, limit, lease))
            raise

    def _receive(self, limit: int, visibility_seconds: int) -> list[Message]:
        messages = self._model.receive(limit, visibility_seconds, self._now())
        return [stored.as_received() for stored in messages]

    async def _change(self, until: float) -> None:
        """Wait for a send, the end of a lease, or the end of the poll."""
        next_at = self._model.next_change_at()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until if next_at is None else min(until, next_at)):
                await self.bell.next_ring()

    def _serve_cut_off(self) -> None:
        now = self._now()
        for poll in tuple(self._cut_off):
            taken = poll.until >= now and self._receive(poll.limit, poll.visibility_seconds)
            if taken or poll.until < now:
                self._cut_off.remove(poll)
