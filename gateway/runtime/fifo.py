"""FIFO: one delivery at a time per message group, in order.

The next message of a group is delivered only once SQS has confirmed the settlement of the one
before it: a crash in between can then repeat a message, but never let one overtake another (ADR 1).
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.backoff import whole_seconds
from gateway.runtime.in_flight import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from gateway.runtime.delivery import Deliverer
    from gateway.runtime.in_flight import InFlightMessage
    from gateway.runtime.limiter import WaitQueue
    from gateway.runtime.permits import Permits
    from gateway.runtime.plans import DeliveryPlans
    from gateway.runtime.settler import Settler

STALLED_SECONDS: Final = 5.0
"""How long a delivery may take before the messages behind it are released, if permits ran out."""

LOOK_SECONDS: Final = 1.0


class GroupQueue:
    """The messages in flight of one group: the one that is being delivered, and those behind it.

    `plans` are those of the first one: a weight that moves never splits what is in flight together.
    """

    __slots__ = ("began_at", "beginning", "behind", "current", "ended", "name", "plans", "settled")

    def __init__(self, name: str, first: InFlightMessage) -> None:
        self.name = name
        self.current = first
        self.behind: deque[InFlightMessage] = deque()
        self.plans: DeliveryPlans | None = None  # until the first one begins
        self.began_at = 0.0
        self.beginning = False
        self.ended = False  # the delivery of the current message
        self.settled = False  # the current message

    def stalled(self, now: float, versions: Collection[str]) -> bool:
        """Whether its message has been with one of these versions for long."""
        slow = now - self.began_at >= STALLED_SECONDS
        plan = self.current.plan
        return slow and plan is not None and plan.version.name in versions


class GroupDispatcher:
    """The dispatcher of a FIFO queue: a queue for each group with messages in flight.

    A message without a group is a group of its own, and `on_groupless` is called.
    """

    def __init__(
        self,
        deliverer: Deliverer,
        settler: Settler,
        permits: Permits,
        wait_queue: WaitQueue,
        on_groupless: Callable[[], None],
    ) -> None:
        self._deliverer = deliverer
        self._settler = settler
        self._permits = permits
        self._wait_queue = wait_queue
        self._on_groupless = on_groupless
        self._groups: dict[str, GroupQueue] = {}
        self._new_groups: list[GroupQueue] = []
        self._stopped = False

    def dispatch(self, entries: Sequence[InFlightMessage]) -> None:
        """Queue each message in its group; the first one of a group begins in a moment.

        Not at once: the result of the first one may concern those queued behind it.
        """
        for entry in entries:
            name = _group(entry)
            group = self._groups.get(name)
            if group is None:
                group = self._groups[name] = GroupQueue(name, entry)
                if entry.message.group is None:
                    self._on_groupless()
                if not self._new_groups:
                    asyncio.get_running_loop().call_soon(self._begin_new)
                self._new_groups.append(group)
            else:
                group.behind.append(entry)
            entry.group = group
            entry.settled = self._settled

    def release_waiting(self) -> None:
        """Release at once every message that has not begun, and begin none any more."""
        self._stopped = True
        for group in self._groups.values():
            self._release_behind(group, 0)

    def give_up(self, entry: InFlightMessage) -> None:
        """Cancel the delivery of a message, or release what waits in its group, itself included."""
        if entry.under_way:
            self._deliverer.cancel(entry)
        elif isinstance(entry.group, GroupQueue):
            self._release_behind(entry.group, 0)

    async def run(self) -> None:
        """Keep what waits behind a hanging canary from taking every permit."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._permits.wanted:
                route = self._deliverer.plans.route
                others = {version.name for version in route.versions} - {route.stable.name}
                self._release_stalled(others, whole_seconds(route.retry.min_seconds))

    def _begin_new(self) -> None:
        groups, self._new_groups = self._new_groups, []
        for group in groups:
            if self._stopped:
                self._settler.release(group.current, 0)
            else:
                self._begin(group)

    def _begin(self, group: GroupQueue) -> None:
        """Begin the current message; go on where it ends and settles within this call."""
        while True:
            group.ended = group.settled = False
            group.began_at = asyncio.get_running_loop().time()
            group.beginning = True
            plans = group.plans = group.plans or self._deliverer.plans
            self._deliverer.begin(group.current, partial(self._ended, group), plans)
            group.beginning = False
            if not (group.ended and group.settled and self._take_next(group)):
                return

    def _ended(self, group: GroupQueue, seconds: int | None) -> None:
        """Hear that the delivery of the current message ended; `seconds` until it comes back."""
        group.ended = True
        if seconds is not None:
            self._release_behind(group, seconds)
        if group.settled and not group.beginning:
            self._go_on(group)

    def _settled(self, entry: InFlightMessage, confirmed: bool) -> None:  # noqa: FBT001 - a callback's one flag
        """Hear that a message was settled; `confirmed` is False where SQS may hand it out again."""
        group = entry.group
        if not isinstance(group, GroupQueue) or group.current is not entry:
            return  # it was behind another, and released
        group.settled = True
        if not confirmed:  # SQS will hand out the group from here again
            self._release_behind(group, 0)
        if group.ended and not group.beginning:
            self._go_on(group)

    def _go_on(self, group: GroupQueue) -> None:
        if self._take_next(group):
            self._begin(group)

    def _take_next(self, group: GroupQueue) -> bool:
        """Make the next message the current one; False where none is left, and the group ends."""
        if group.behind:
            group.current = group.behind.popleft()
            return True
        self._groups.pop(group.name, None)
        # No cycle: the message is freed without the collector.
        group.current.group = group.current.settled = None
        return False

    def _release_stalled(self, versions: Collection[str], seconds: int) -> None:
        """Release what is behind slow deliveries to these versions, but for a wait queue's worth.

        A hanging canary never stops stable.
        """
        now = asyncio.get_running_loop().time()
        stalled = [group for group in self._groups.values() if group.stalled(now, versions)]
        surplus = sum(len(group.behind) for group in stalled) - self._wait_queue.size
        for group in stalled:
            if surplus <= 0:
                return
            surplus -= len(group.behind)
            self._release_behind(group, seconds)

    def _release_behind(self, group: GroupQueue, seconds: int) -> None:
        while group.behind:
            entry = group.behind.popleft()
            if entry.state is State.WAITING:
                self._settler.release(entry, seconds)


def _group(entry: InFlightMessage) -> str:
    group = entry.message.group
    return entry.message.message_id if group is None else group
