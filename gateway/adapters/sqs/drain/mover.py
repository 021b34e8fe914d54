"""Moves received messages: sent, confirmed, and only then deleted."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

from gateway.adapters.sqs.drain.waves import calls, waves
from gateway.core.sqs_limits import MAX_BATCH_ENTRIES
from gateway.ports import EntryError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.adapters.sqs.drain.ends import From, NotSent, To
    from gateway.core.messages.message import Message

RETRY_SECONDS: Final = 5
"""How long a message that was not sent stays invisible."""

DELETE_ATTEMPTS: Final = 4
MOST_REFUSED: Final = 3
"""A message that was refused as often as this ends the drain, once no other one is moved."""

SENDING_SECONDS: Final = 60
"""How long the messages of a batch are sent, so that the last one is still leased then."""


class RefusedError(Exception):
    """A message that the other queue does not take."""


class Mover:
    """Moves batches, any number side by side. `moved` counts what the other queue has confirmed.

    On FIFO, messages of one group are sent one after the other, each after the one before it was
    confirmed; where one is not sent, those behind it go back unsent. SQS gives no other batch a
    message of a group while one of it is in flight.
    """

    def __init__(
        self, source: From, target: To, warn: Callable[[str], None], *, fifo: bool
    ) -> None:
        self.moved = 0
        self._source = source
        self._target = target
        self._warn = warn
        self._fifo = fifo
        self._undeleted: set[str] = set()
        self._refused: Counter[str] = Counter()
        self._moved_at: dict[str, int] = {}  # what was moved when a message was refused last

    async def move(self, messages: Sequence[Message]) -> bool:
        """Move what was received; return whether every message was sent.

        Messages that were not sent are given back. Raises RefusedError, and SourceError where a
        call failed as a whole; then they are given back too.
        """
        back: list[Message] = []
        until = _now() + SENDING_SECONDS
        try:
            for wave in waves(messages, in_order=self._fifo):
                stuck = {message.group for message in back} if self._fifo else set()
                back += [message for message in wave if message.group in stuck]
                for call in calls([message for message in wave if message.group not in stuck]):
                    back += call if _now() > until else await self._move_call(call)
        except (SourceError, RefusedError):
            await self._give_back(messages)  # leases of deleted ones fail, which does no harm
            raise
        await self._give_back(back)
        return not back

    async def _move_call(self, messages: Sequence[Message]) -> list[Message]:
        """Move the messages of one call; return those that were not sent."""
        unsent = [each for each in messages if each.message_id not in self._undeleted]
        failed = await self._target.send(unsent) if unsent else {}
        self.moved += len(unsent) - len(failed)
        back = [unsent[at] for at in failed]
        await self._delete([each for each in messages if each not in back])
        for at, why in failed.items():
            self._note(unsent[at], why)
        return back

    def _note(self, message: Message, failure: NotSent) -> None:
        if failure.refused:
            name = message.message_id
            self._refused[name] += 1
            moved_before, self._moved_at[name] = self._moved_at.get(name), self.moved
            if self._refused[name] >= MOST_REFUSED and moved_before == self.moved:
                raise RefusedError(f"message {name} is refused: {failure.why}")
        self._warn(f"a message was not sent, and is tried again: {failure.why}")

    async def _delete(self, messages: Sequence[Message]) -> None:
        """Delete; what cannot be deleted is known when it comes again, and not sent twice."""
        left = list(messages)
        for attempt in range(DELETE_ATTEMPTS):
            if not left:
                return
            if attempt:
                await asyncio.sleep(2 ** (attempt - 1))
            failed = await self._try_delete(left)
            self._undeleted -= {each.message_id for at, each in enumerate(left) if at not in failed}
            self._undeleted |= {left[at].message_id for at in failed}
            left = [left[at] for at, error in failed.items() if not error.lease_lost]

    async def _try_delete(self, messages: Sequence[Message]) -> Mapping[int, EntryError]:
        try:
            failed = await self._source.ack([each.receipt for each in messages])
        except SourceError as error:
            failed = {at: EntryError(error.code, error.why) for at in range(len(messages))}
        for entry in failed.values():
            self._warn(f"a message was sent, but not deleted: {entry.why}")
        return failed

    async def _give_back(self, messages: Sequence[Message]) -> None:
        for batch in _batches(messages):
            try:
                await self._source.set_leases([(each.receipt, RETRY_SECONDS) for each in batch])
            except SourceError as error:  # they come back when their lease ends
                self._warn(f"a message could not be given back: {error.why}")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for at in range(0, len(messages), MAX_BATCH_ENTRIES):
        yield messages[at : at + MAX_BATCH_ENTRIES]
