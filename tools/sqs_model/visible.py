"""In which order visible messages are received: one sequence on a standard queue, groups on FIFO.

Nothing here counts or searches: each step costs O(1), or O(log n) in the groups of a FIFO queue.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Generic, Protocol, TypeVar

from tools.sqs_model.message import VISIBLE, Message

M = TypeVar("M", bound=Message)


class Visible(Protocol[M]):
    """What a queue asks of its order."""

    def add(self, message: M) -> None:
        """Add a new message, visible or delayed."""

    def appear(self, message: M) -> None:
        """Note that a delay is over."""

    def put_back(self, message: M) -> None:
        """Add a message again whose lease is over."""

    def take(self, limit: int) -> list[M]:
        """Return up to `limit` visible messages; each is put back or settled later."""

    def settle(self, message: M) -> None:
        """Note that a message which was taken is gone."""


class StandardOrder(Generic[M]):
    """First in, first out; what comes back goes to the end.

    A deleted message stays until it is met, since a deque cannot drop one from the middle.
    """

    def __init__(self) -> None:
        self._visible: deque[M] = deque()

    def add(self, message: M) -> None:
        if message.stage is VISIBLE:
            self._visible.append(message)

    def appear(self, message: M) -> None:
        self._visible.append(message)

    put_back = appear

    def take(self, limit: int) -> list[M]:
        visible = self._visible
        taken: list[M] = []
        while visible and len(taken) < limit:
            message = visible.popleft()
            if message.stage is VISIBLE:
                taken.append(message)
        return taken

    def settle(self, message: M) -> None:
        pass


class Group(Generic[M]):
    """A message group: who waits, in order of sequence, and how many are leased."""

    __slots__ = ("leased", "offered", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[M] = deque()
        self.leased = 0
        self.offered = False

    @property
    def head_is_visible(self) -> bool:
        """Whether its first message may be received."""
        return bool(self.waiting) and self.waiting[0].stage is VISIBLE

    def take(self, limit: int) -> list[M]:
        """Take visible messages from the front."""
        waiting, taken = self.waiting, [self.waiting.popleft()]
        while waiting and len(taken) < limit and waiting[0].stage is VISIBLE:
            taken.append(waiting.popleft())
        self.leased += len(taken)
        return taken

    def put_back(self, message: M) -> None:
        """Put a message back where it was: before all but those that were put back just now."""
        before: list[M] = []
        while self.waiting and self.waiting[0].sequence < message.sequence:
            before.append(self.waiting.popleft())
        self.waiting.appendleft(message)
        self.waiting.extendleft(reversed(before))
        self.leased -= 1


class FifoOrder(Generic[M]):
    """Groups in the order of their oldest message; one with a leased message is blocked.

    A delayed message holds up those behind it in its group. A receive returns as many messages of
    one group as it can before it goes on to the next.
    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
    """

    def __init__(self) -> None:
        self._groups: dict[str | None, Group[M]] = {}
        self._ready: list[tuple[int, str | None]] = []

    def add(self, message: M) -> None:
        group = self._groups.get(message.group)
        if group is None:
            group = self._groups[message.group] = Group()
        group.waiting.append(message)
        self._offer(message.group, group)

    def appear(self, message: M) -> None:
        self._offer(message.group, self._groups[message.group])

    def put_back(self, message: M) -> None:
        group = self._groups[message.group]
        group.put_back(message)
        self._offer(message.group, group)

    def take(self, limit: int) -> list[M]:
        taken: list[M] = []
        while self._ready and len(taken) < limit:
            group = self._groups[heapq.heappop(self._ready)[1]]
            group.offered = False
            taken += group.take(limit - len(taken))
        return taken

    def settle(self, message: M) -> None:
        group = self._groups[message.group]
        group.leased -= 1
        self._offer(message.group, group)

    def _offer(self, name: str | None, group: Group[M]) -> None:
        """Make the group ready where it may be received from; forget it where it is empty."""
        if group.leased or group.offered:
            return
        if not group.waiting:
            del self._groups[name]
        elif group.head_is_visible:
            group.offered = True
            heapq.heappush(self._ready, (group.waiting[0].sequence, name))
