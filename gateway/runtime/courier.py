"""Carries the messages of one route: what its deliveries share, and tell together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from gateway.core.disposition import backoff_seconds, whole_seconds
from gateway.core.facts import (
    Acked,
    Action,
    AttributesDropped,
    Decided,
    DeliveryCrashed,
    Settled,
    SettlementFailed,
)
from gateway.ports import QueueError
from gateway.runtime.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.decision import Reason
    from gateway.core.facts import Fact
    from gateway.core.message import Message
    from gateway.core.route import Route
    from gateway.core.versions import Version
    from gateway.ports import Observer, Queue
    from gateway.runtime.hand import InHand
    from gateway.runtime.lanes import Lane, Lanes
    from gateway.runtime.settler import Settler


class Courier:
    """Carries the messages of one route. `wall` gives epoch seconds, `chance` uniform 0..1.

    Decisions and acks are told once for all of a turn of the loop: a fact for each message and
    observer took 6 us, a tenth of the rest.
    """

    def __init__(
        self,
        *,
        route: Route,
        queue: Queue,
        lanes: Lanes,
        settler: Settler,
        observer: Observer,
        wall: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self.route, self.queue_name, self.fifo = route.name, route.queue.name, route.queue.fifo
        self._queue, self._observer = queue, observer
        self.lanes, self.settler = lanes, settler
        self._wall, self.chance = wall, chance
        self._under_way: set[Delivery] = set()
        self._decisions: defaultdict[tuple[str | None, Reason], int] = defaultdict(int)
        self._acked: defaultdict[str, list[Delivery]] = defaultdict(list)
        self._telling = False
        self._idle: asyncio.Event | None = None  # while somebody waits for it
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Send dead-letter copies as children of `tasks`."""
        loop = asyncio.get_running_loop()
        self.clock, self._soon, self._tasks = loop.time, loop.call_soon, tasks

    def carry(
        self, entry: InHand, route: Route, ended: Callable[[int | None], None] | None = None
    ) -> None:
        """Bring one message to its version and hand it to the settler; see Delivery."""
        delivery = entry.delivery = Delivery(self, entry, route, ended)
        self._under_way.add(delivery)
        delivery.begin()

    async def idle(self) -> None:
        """Return once nothing is under way."""
        while self._under_way:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()

    def cancel(self) -> None:
        """Give back everything that is under way."""
        for delivery in tuple(self._under_way):
            delivery.cancel()

    # ---- what a delivery says -------------------------------------------------------------

    def decided(self, version: Version | None, reason: Reason) -> None:
        """Take note of a decision, to be told with the others."""
        self._decisions[None if version is None else version.name, reason] += 1
        if not self._telling:
            self._tell_soon()

    def acked(self, delivery: Delivery) -> None:
        """Have the message deleted, and take note of it, to be told with the others."""
        self._acked[delivery.to.name].append(delivery)
        if not self._telling:
            self._tell_soon()
        self.settler.delete(delivery.entry)

    def ended(self, delivery: Delivery) -> None:
        """Let go of a delivery."""
        delivery.entry.delivery = None
        self._under_way.discard(delivery)
        if self._idle is not None and not self._under_way:
            self._idle.set()
            self._idle = None

    def crashed(self, entry: InHand, error: Exception) -> None:
        """Tell of a defect of ours."""
        self.notice(DeliveryCrashed(self.route, entry.message.message_id, error))

    def notice(self, fact: Fact) -> None:
        """Tell a fact, after all that came before it."""
        self._tell()
        self._observer.notice(fact)

    def backoff_seconds(self, message: Message, route: Route) -> int:
        """Roll the dice for how long a message stays away."""
        return backoff_seconds(message.receive_count, route.retry, self.chance())

    def pause_seconds(self, message: Message, route: Route, lane: Lane | None) -> int:
        """How long a message that found no place stays away: longer where its version sheds."""
        if self.lanes.room.closed:
            return 0
        asked_seconds = lane.pause_seconds if lane is not None else None
        if asked_seconds is None:
            return whole_seconds(route.retry.min_seconds)
        return max(whole_seconds(asked_seconds), self.backoff_seconds(message, route))

    def send_dead_letter(
        self,
        delivery: Delivery,
        marks: dict[str, str],
        confirmed: Callable[[bool], None],
    ) -> asyncio.Task[None] | None:
        """Send a copy to the dead-letter queue and tell whether SQS confirmed it."""
        if self._tasks is None:
            return None
        message = delivery.entry.message
        sending = self._copy(message, marks, confirmed)
        return self._tasks.create_task(sending, name=f"dead letter {message.message_id}")

    async def _copy(
        self, message: Message, marks: dict[str, str], confirmed: Callable[[bool], None]
    ) -> None:
        try:
            dropped = await self._queue.send_dead_letter(message, marks)
        except QueueError as error:
            self.notice(SettlementFailed(self.route, Action.DEAD_LETTER, str(error)))
            confirmed(False)
            return
        self.notice(Settled(self.route, Action.DEAD_LETTER))
        if dropped:
            self.notice(AttributesDropped(self.route, message.message_id, dropped))
        confirmed(True)

    # ---- telling --------------------------------------------------------------------------

    def _tell_soon(self) -> None:
        self._telling = True
        self._soon(self._tell)

    def _tell(self) -> None:
        self._telling = False
        if self._decisions:
            decisions, self._decisions = self._decisions, defaultdict(int)
            for (version, reason), messages in decisions.items():
                self._observer.notice(Decided(self.route, version, reason, messages))
        if self._acked:
            acked, self._acked = self._acked, defaultdict(list)
            wall = self._wall()
            for version, deliveries in acked.items():
                seconds = [delivery.seconds for delivery in deliveries]
                ages = [wall - delivery.entry.message.sent_ms / 1000 for delivery in deliveries]
                self._observer.notice(Acked(self.route, version, seconds, ages))
