"""The calls to the queue of a version, in memory and in the running loop's time."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gateway.adapters.sqs.errors import source_error, to_source_error
from gateway.core.addresses import parse_queue
from gateway.core.sqs_limits import MAX_MESSAGE_BYTES
from gateway.ports import EntryError, SourceError
from tools.emulator.faults import NONE, Cut, no_faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Never

    from gateway.core.messages.message import Attribute, Message
    from tools.emulator.errors import SqsError
    from tools.emulator.faults import Fault, Intercept


Entry = tuple["Message", "Mapping[str, Attribute]"]


def _as_told(error: SqsError) -> SourceError:
    """Return an error of SQS as the clients raise it."""
    told = {"Error": {"Code": error.code, "Message": error.why}}
    return to_source_error(ClientError(told, "SendMessageBatch"), "send_message_batch")


def _wrong(code: str, why: str) -> EntryError:
    return EntryError(code, f"{code}: {why}", sender_fault=True)


@dataclass(frozen=True, slots=True)
class Batch:
    """One send: when it began, and what it had."""

    began_at: float
    entries: tuple[tuple[Message, Mapping[str, Attribute]], ...]

    @property
    def bodies(self) -> list[str]:
        """The bodies, in order."""
        return [message.body for message, _ in self.entries]


class FakeQueueCalls:
    """`failures` are raised by the next sends, `entry_errors` fail entries by their body.

    `intercept` injects the faults of the emulator, as they are with a real client. `depth` takes
    the place of the number of messages that were confirmed.
    """

    def __init__(self, queue: str = "b1") -> None:
        self.address = parse_queue(queue)
        self.missing: SourceError | None = None
        self.looked_up_at: list[float] = []
        self.lookup_seconds = 0.0
        self.depth: int | None = None
        self.asked_at: list[float] = []
        self.attributes_error: SourceError | None = None
        self.attributes_seconds = 0.0
        self.delay_seconds = 0
        self.failures: deque[SourceError] = deque()
        self.entry_errors: dict[str, EntryError] = {}
        self.takes_seconds = 0.0
        self.sends: list[Batch] = []
        self.cut = 0
        self.intercept: Intercept = no_faults
        self.max_bytes = MAX_MESSAGE_BYTES
        self.taken: dict[str, Entry] = {}
        """What the queue has, in order; on FIFO by message id: what is sent again is there once."""

    @property
    def confirmed(self) -> list[str]:
        """Bodies of the messages that the queue has, in order."""
        return [message.body for message, _ in self.taken.values()]

    def remove(self) -> None:
        """Delete the queue with what is in it: it is missing from now on."""
        self.taken.clear()
        why = "The specified queue does not exist."
        self.missing = source_error("send_message_batch", "NonExistentQueue", why)

    def calm_down(self) -> None:
        """Inject no faults from now on."""
        self.intercept = no_faults

    async def find(self) -> str:
        """Find the queue, unless it is missing."""
        self.looked_up_at.append(self._now())
        await asyncio.sleep(self.lookup_seconds)
        if self.missing is not None:
            raise self.missing
        return f"fake {self.address.name}"

    async def attributes(self, *names: str) -> Mapping[str, Any]:
        """Return depth and delay."""
        self.asked_at.append(self._now())
        await asyncio.sleep(self.attributes_seconds)
        if self.attributes_error is not None:
            raise self.attributes_error
        counts = {
            "ApproximateNumberOfMessages": str(
                len(self.taken) if self.depth is None else self.depth
            ),
            "ApproximateNumberOfMessagesDelayed": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
            "DelaySeconds": str(self.delay_seconds),
        }
        return {name: counts[name] for name in names}

    async def send(
        self, entries: Sequence[tuple[Message, Mapping[str, Attribute]]], seconds: float
    ) -> Mapping[int, EntryError]:
        """Confirm what is not to fail."""
        self.sends.append(Batch(self._now(), tuple(entries)))
        try:
            await asyncio.sleep(self.takes_seconds)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        if self.failures:
            raise self.failures.popleft()
        if self.missing is not None:
            raise self.missing
        ids = [{"Id": str(position)} for position in range(len(entries))]
        fault = self.intercept("SendMessageBatch", {"Entries": ids}) or NONE
        if fault.error is not None:
            raise _as_told(fault.error)
        if fault.cut is Cut.BEFORE_EFFECT:
            await self._break(fault)
        failed = {
            position: EntryError(error.code, f"{error.code}: {error.why}")
            for position, error in ((int(id_), e) for id_, e in fault.failed_entries.items())
            if position < len(entries)
        }
        for position, entry in enumerate(entries):
            error = failed.get(position) or self._refusal(entry[0])
            if error is not None:
                failed[position] = error
            else:
                key = entry[0].message_id if self.address.fifo else str(len(self.taken))
                self.taken.setdefault(key, entry)
        if fault.cut is not None or fault.mangling is not None:
            await self._break(fault)
        return failed

    def _refusal(self, message: Message) -> EntryError | None:
        """Return why SQS refuses a message for what it is."""
        if message.body in self.entry_errors:
            return self.entry_errors[message.body]
        if not message.body.isprintable():
            return _wrong("InvalidMessageContents", "has a character that is not allowed")
        if len(message.body.encode()) > self.max_bytes:
            why = f"One or more parameters are invalid: must be shorter than {self.max_bytes} bytes"
            return _wrong("InvalidParameterValue", why)
        return None

    async def _break(self, fault: Fault) -> Never:
        """Let the response be lost, unreadable, or never come."""
        if fault.silent:
            await asyncio.Event().wait()
        raise SourceError("send_message_batch: no response that can be read", "InvalidResponse")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
