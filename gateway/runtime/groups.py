"""FIFO: one delivery at a time per message group, in order.

The next message of a group is delivered only once the one before it is settled at SQS: a crash
in between can then repeat a message, but never overtake it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from gateway.runtime.hand import Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.runtime.hand import InHand
    from gateway.runtime.settler import Settler


class Groups:
    """The lines of a FIFO route, one for each group with messages in hand."""

    def __init__(self, settler: Settler, carry: Callable[[InHand], Awaitable[int | None]]) -> None:
        self._settler, self._carry = settler, carry
        self._lines: dict[str, deque[InHand]] = {}

    def join(self, entry: InHand) -> bool:
        """Put a message at the end of its group's line; True where the line is to be walked."""
        group = _group(entry)
        line = self._lines.get(group)
        if line is not None:
            line.append(entry)
            return False
        self._lines[group] = deque([entry])
        return True

    async def walk(self, first: InHand) -> None:
        """Deliver the line that `first` opened until it is empty."""
        group = _group(first)
        line = self._lines[group]
        try:
            while line:
                await self._step(line)
        finally:
            del self._lines[group]
            self._give_back(line, 0)

    def give_back_waiting(self) -> None:
        """Release at once all that has not been delivered yet (soft stop)."""
        for line in self._lines.values():
            self._give_back(line, 0)

    async def _step(self, line: deque[InHand]) -> None:
        entry = line.popleft()
        settled = asyncio.get_running_loop().create_future()
        entry.settled = settled
        seconds = await self._carry(entry)
        if seconds is not None:
            self._give_back(line, seconds)
        if not await settled:  # not ours any more: SQS will hand out the group from here again
            self._give_back(line, 0)

    def _give_back(self, line: deque[InHand], seconds: int) -> None:
        while line:
            entry = line.popleft()
            if entry.stage is Stage.WAITING:
                self._settler.release(entry, seconds)


def _group(entry: InHand) -> str:
    group = entry.message.group
    return entry.message.message_id if group is None else group
