"""In which order visible messages are handed out: one line for a standard queue, groups for FIFO.

A line never counts and never searches: each step costs O(1), or O(log n) for FIFO.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tools.emulator.messages import Stage

if TYPE_CHECKING:
    from tools.emulator.messages import Message


class Line(Protocol):
    """What a queue asks of its line."""

    def enter(self, message: Message) -> None:
        """Take in a new message, visible or delayed."""

    def appear(self, message: Message) -> None:
        """Note that a delay is over."""

    def give_back(self, message: Message) -> None:
        """Take a message back whose lease is over."""

    def take(self, limit: int) -> list[Message]:
        """Hand out up to `limit` visible messages; each is given back or settled later."""

    def settle(self, message: Message) -> None:
        """Note that a message which was handed out is gone."""


class StandardLine:
    """First come, first served; what comes back queues up again at the end.

    A deleted message stays until it is met, since a deque cannot give up one from the middle.
    """

    def __init__(self) -> None:
        self._visible: deque[Message] = deque()

    def enter(self, message: Message) -> None:
        if message.stage is Stage.VISIBLE:
            self._visible.append(message)

    def appear(self, message: Message) -> None:
        self._visible.append(message)

    give_back = appear

    def take(self, limit: int) -> list[Message]:
        taken: list[Message] = []
        while self._visible and len(taken) < limit:
            message = self._visible.popleft()
            if message.stage is Stage.VISIBLE:
                taken.append(message)
        return taken

    def settle(self, message: Message) -> None:
        pass


@dataclass(slots=True)
class Group:
    """A message group: who waits, in order of sequence, and how many are in flight."""

    waiting: list[tuple[int, Message]] = field(default_factory=list)
    in_flight: int = 0
    offered: bool = False


class FifoLine:
    """Groups in the order of their oldest message; one with a message in flight is blocked.

    A delayed message holds up the ones behind it in its group.
    """

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}
        self._ready: list[tuple[int, str]] = []

    def enter(self, message: Message) -> None:
        group = self._groups.setdefault(message.draft.group or "", Group())
        heapq.heappush(group.waiting, (message.sequence, message))
        self._offer(message)

    def appear(self, message: Message) -> None:
        self._offer(message)

    def give_back(self, message: Message) -> None:
        group = self._groups[message.draft.group or ""]
        group.in_flight -= 1
        heapq.heappush(group.waiting, (message.sequence, message))
        self._offer(message)

    def take(self, limit: int) -> list[Message]:
        taken: list[Message] = []
        while self._ready and len(taken) < limit:
            name = heapq.heappop(self._ready)[1]
            self._groups[name].offered = False
            taken += self._take_from(name, limit - len(taken))
        return taken

    def settle(self, message: Message) -> None:
        self._groups[message.draft.group or ""].in_flight -= 1
        self._offer(message)

    def _take_from(self, name: str, limit: int) -> list[Message]:
        group = self._groups[name]
        taken: list[Message] = []
        while _head_is_visible(group) and len(taken) < limit:
            taken.append(heapq.heappop(group.waiting)[1])
        group.in_flight += len(taken)
        return taken

    def _offer(self, message: Message) -> None:
        name = message.draft.group or ""
        group = self._groups[name]
        if group.in_flight == 0 and not group.offered and _head_is_visible(group):
            group.offered = True
            heapq.heappush(self._ready, (group.waiting[0][0], name))
        if not group.waiting and not group.in_flight:
            del self._groups[name]


def _head_is_visible(group: Group) -> bool:
    return bool(group.waiting) and group.waiting[0][1].stage is Stage.VISIBLE
