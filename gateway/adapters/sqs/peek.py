"""Looks at messages of a queue and gives them back; `gateway peek` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.sqs_limits import MAX_BATCH_ENTRIES
from gateway.ports import SourceError

if TYPE_CHECKING:
    from gateway.adapters.sqs.drain.ends import From
    from gateway.core.messages.message import Message
    from gateway.ports import Unreadable

LEASE_SECONDS: Final = 30
"""How long messages stay away at most, where they cannot be given back."""

WAIT_SECONDS: Final = 1
"""A stop waits for a poll. A shorter one would not ask all of SQS's servers."""

GIVE_BACK_ATTEMPTS: Final = 3


class Peek:
    """One look at up to `count` messages, at most ten.

    `problems` says in words what could not be read or given back.
    """

    def __init__(self, source: From, count: int) -> None:
        self._source = source
        self._count = min(count, MAX_BATCH_ENTRIES)
        self._stopped = False
        self.problems: list[str] = []

    def stop(self) -> None:
        """Receive no more; what was received is still given back."""
        self._stopped = True

    async def run(self) -> list[Message]:
        """Receive and give back; return the messages. Raises SourceError.

        What was received is given back too where this is cancelled; a receive that is under way
        then is not, and its messages come back when their lease ends.
        """
        messages: list[Message] = []
        unreadable: list[Unreadable] = []
        try:
            while not self._stopped and len(messages) < self._count:
                limit = self._count - len(messages)
                batch = await self._source.receive(limit, WAIT_SECONDS, LEASE_SECONDS)
                messages += batch
                unreadable += batch.unreadable
                if not batch:
                    break
        finally:
            await self._give_back(messages)
        self.problems += [
            f"message {each.message_id} {_UNREADABLE}{each.why}" for each in unreadable
        ]
        return messages

    async def _give_back(self, messages: list[Message]) -> None:
        left = [(message.receipt, 0) for message in messages]
        why = ""
        for _ in range(GIVE_BACK_ATTEMPTS):
            if not left:
                return
            try:
                failed = await self._source.set_leases(left)
            except SourceError as error:
                why = str(error)
                continue
            why = next((each.why for each in failed.values()), "")
            left = [left[at] for at, each in failed.items() if not each.lease_lost]
        if left:
            self.problems.append(
                f"{len(left)} messages could not be given back, and come back by themselves within "
                f"{LEASE_SECONDS} s: {why}"
            )


_UNREADABLE: Final = f"comes back by itself within {LEASE_SECONDS} s, since it cannot be read: "
