"""A witness of all deliveries and deletes of several processes on one queue.

It writes down each one that should not have been, at the moment when it happens.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from gateway.core.delivery.disposition import Responded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.messages.message import Message
    from tests.fakes.source import InMemorySource
    from tests.fakes.store import Stored


class Witness:
    """`wrongs` are the sentences for what should not have been; processes are told by name.

    `excused` are messages that SQS itself has handed out twice: two processes may have them.
    """

    def __init__(self, queue: InMemorySource) -> None:
        self.wrongs: list[str] = []
        self.deliveries: Counter[str] = Counter()
        self.done: set[str] = set()
        self.excused: set[str] = set()
        self._queue = queue
        self._may_delete: set[tuple[str, str]] = set()
        self._holders: dict[str, str] = {}
        self._running: list[tuple[str, Stored]] = []
        self._in_line: defaultdict[str | None, list[Stored]] = defaultdict(list)

    def sent(self, message_id: str) -> None:
        """A message was sent."""
        stored = self._queue.message(message_id)
        self._in_line[stored.group].append(stored)

    def received(self, process: str, messages: Sequence[Message]) -> None:
        """A receive came back to a process: now these leases are its own."""
        self._holders.update((message.receipt, process) for message in messages)

    def begins(self, process: str, message_id: str) -> None:
        """A delivery begins: it has to be under a lease of its process, on FIFO in its turn."""
        stored = self._queue.message(message_id)
        self.deliveries[message_id] += 1
        self._may_delete.discard((process, message_id))
        self._once_at_a_time(process, stored)
        self._under_its_lease(process, stored)
        self._in_turn(stored)
        self._running.append((process, stored))

    def ends(
        self, process: str, message_id: str, result: DeliveryResult | Exception | None
    ) -> None:
        """A delivery ended; None stands for one that was cut off."""
        self._running.remove((process, self._queue.message(message_id)))
        if isinstance(result, Responded) and 200 <= result.status < 300:
            self._is_done(process, message_id)

    def buried(self, process: str, message_id: str) -> None:
        """A dead-letter copy was confirmed."""
        self._is_done(process, message_id)

    def deletes(self, process: str, receipt: str) -> None:
        """A delete is asked for: only after a 2xx or a dead letter of the same process."""
        message_id = receipt.partition("#")[0]
        if (process, message_id) not in self._may_delete:
            self._wrong(f"{process} deletes {message_id}, which is not done with")

    def _is_done(self, process: str, message_id: str) -> None:
        self.done.add(message_id)
        self._may_delete.add((process, message_id))

    def _once_at_a_time(self, process: str, stored: Stored) -> None:
        if (process, stored) in self._running:
            self._wrong(f"{process} delivers {stored.message_id} twice at once")

    def _under_its_lease(self, process: str, stored: Stored) -> None:
        in_flight = stored.in_flight(asyncio.get_running_loop().time())
        holder = self._holders.get(stored.receipt) if in_flight else None
        if holder != process and stored.message_id not in self.excused:
            self._wrong(f"{process} delivers {stored.message_id}, which {holder or 'nobody'} holds")

    def _in_turn(self, stored: Stored) -> None:
        if stored.group is None:
            return
        for _, other in self._running:
            if other.group == stored.group:
                self._wrong(f"{stored.message_id} is delivered beside {other.message_id}")
        for earlier in self._in_line[stored.group]:
            if earlier is stored:
                return
            if not earlier.gone:
                self._wrong(f"{stored.message_id} is delivered before {earlier.message_id}")

    def _wrong(self, what: str) -> None:
        self.wrongs.append(f"{asyncio.get_running_loop().time():.3f} s: {what}")
