"""FIFO: one delivery at a time per message group, in order.

The next message of a group is delivered only once the one before it is settled at SQS: a crash
in between can then repeat a message, but never overtake it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.runtime.in_flight import Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from gateway.runtime.delivery import Delivery
    from gateway.runtime.settler import Settler

STALLED_SECONDS: Final = 5.0


@dataclass(slots=True, eq=False)
class _Line:
    """One group's messages in hand: the one that is being carried, and those behind it."""

    current: Delivery
    behind: deque[Delivery] = field(default_factory=deque)
    began_at: float = 0.0

    def stalled(self, now: float, versions: Collection[str]) -> bool:
        """Whether its message has been with one of these versions for long."""
        slow = now - self.began_at >= STALLED_SECONDS
        leg = self.current.leg
        return slow and leg is not None and leg.to.name in versions


class Groups:
    """The lines of a FIFO route, one for each group with messages in hand."""

    def __init__(
        self, settler: Settler, carry: Callable[[Delivery], Awaitable[int | None]]
    ) -> None:
        self._settler, self._carry = settler, carry
        self._lines: dict[str, _Line] = {}

    def join(self, entry: Delivery) -> bool:
        """Put a message at the end of its group's line; True where the line is to be walked."""
        group = _group(entry)
        line = self._lines.get(group)
        if line is not None:
            line.behind.append(entry)
            return False
        self._lines[group] = _Line(entry)
        return True

    async def walk(self, first: Delivery) -> None:
        """Deliver the line that `first` opened until it is empty."""
        group = _group(first)
        line = self._lines[group]
        try:
            await self._step(line)
            while line.behind:
                line.current = line.behind.popleft()
                await self._step(line)
        finally:
            del self._lines[group]
            self._give_back(line, 0)

    def give_back_waiting(self) -> None:
        """Release at once all that has not been delivered yet (soft stop)."""
        for line in self._lines.values():
            self._give_back(line, 0)

    def give_back_behind(self, entry: Delivery) -> None:
        """Release at once what waits in the line of this message, itself among it."""
        line = self._lines.get(_group(entry))
        if line is not None:
            self._give_back(line, 0)

    def give_back_stalled(self, versions: Collection[str], keep: int, seconds: int) -> None:
        """Release what waits behind slow deliveries to these versions, but for `keep` of it.

        For when permits have run out: a hanging canary never stops stable.
        """
        now = asyncio.get_running_loop().time()
        stalled = [line for line in self._lines.values() if line.stalled(now, versions)]
        surplus = sum(len(line.behind) for line in stalled) - keep
        for line in stalled:
            if surplus <= 0:
                return
            surplus -= len(line.behind)
            self._give_back(line, seconds)

    async def _step(self, line: _Line) -> None:
        loop = asyncio.get_running_loop()
        settled = loop.create_future()
        line.current.settled = settled
        line.began_at = loop.time()
        seconds = await self._carry(line.current)
        if seconds is not None:
            self._give_back(line, seconds)
        if not await settled:  # not ours any more: SQS will hand out the group from here again
            self._give_back(line, 0)

    def _give_back(self, line: _Line, seconds: int) -> None:
        while line.behind:
            entry = line.behind.popleft()
            if entry.stage is Stage.WAITING:
                self._settler.release(entry, seconds)


def _group(entry: Delivery) -> str:
    group = entry.message.group
    return entry.message.message_id if group is None else group
