"""Carries the messages of one route: what its deliveries share, and tell together."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.disposition import backoff_seconds, whole_seconds
from gateway.core.events import (
    Acked,
    Action,
    AttributesDropped,
    Decided,
    DeliveryCrashed,
    Settled,
    SettlementFailed,
)
from gateway.ports import SourceError
from gateway.runtime.delivery import Delivery
from gateway.runtime.plans import Legs

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.events import Event
    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Reason
    from gateway.core.routing.route import Route
    from gateway.ports import Observer, Source
    from gateway.runtime.in_flight import Hand
    from gateway.runtime.limiter import Lane, Lanes
    from gateway.runtime.plans import Leg
    from gateway.runtime.settler import Settler

GATHERING_SECONDS: Final = 0.01
"""Told once for all of a turn of the loop, what few messages of many routes came to took 1 us of
each; whoever asks for figures has all of them told first."""


class Courier:
    """Carries the messages of one route. `wall` gives epoch seconds, `chance` uniform 0..1.

    Decisions and acks are told once for all of a moment.
    """

    def __init__(
        self,
        *,
        route: Route,
        queue: Source,
        lanes: Lanes,
        hand: Hand,
        settler: Settler,
        observer: Observer,
        wall: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.fifo = route.queue.fifo
        self._route, self._queue, self._observer = route.name, queue, observer
        self._lanes, self._hand, self.settler = lanes, hand, settler
        self._wall, self.random = wall, random
        self.legs = Legs(route, lanes)
        hand.new = partial(Delivery, self)
        self.under_way = 0
        self._touched: list[Leg] = []
        self._idle: asyncio.Event | None = None  # while somebody waits for it
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Send dead-letter copies as children of `tasks`."""
        loop = asyncio.get_running_loop()
        self.clock, self._later, self._tasks = loop.time, loop.call_later, tasks

    def adopt(self, route: Route) -> None:
        """Decide by another routing table from the next message on."""
        self.legs = Legs(route, self._lanes)

    def carry(self, delivery: Delivery, ended: Callable[[int | None], None] | None = None) -> None:
        """Bring one message to its version and hand it to the settler; see Delivery."""
        delivery.begin(self.legs, ended)

    async def idle(self) -> None:
        """Return once nothing is under way."""
        while self.under_way:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()

    def cancel(self) -> None:
        """Give back everything that is under way."""
        for delivery in self._hand.under_way():
            delivery.cancel()

    # ---- what a delivery says -------------------------------------------------------------

    def touch(self, leg: Leg) -> None:
        """Tell in a moment what a leg has gathered."""
        if not self._touched:
            self._later(GATHERING_SECONDS, self.tell)
        leg.touched = True
        self._touched.append(leg)

    def undecided(self, reason: Reason) -> None:
        """Tell of a message that no version was chosen for."""
        self.observe(Decided(self._route, None, reason))

    def all_ended(self) -> None:
        """Take note that nothing is under way."""
        if self._idle is not None:
            self._idle.set()
            self._idle = None

    def crashed(self, message: Message, error: Exception) -> None:
        """Tell of a defect of ours."""
        self.observe(DeliveryCrashed(self._route, message.message_id, error))

    def observe(self, event: Event) -> None:
        """Tell a fact, after all that came before it."""
        self.tell()
        self._observer.observe(event)

    def backoff_seconds(self, message: Message, route: Route) -> int:
        """Roll the dice for how long a message stays away."""
        return backoff_seconds(message.receive_count, route.retry, self.random())

    def pause_seconds(self, message: Message, route: Route, lane: Lane | None) -> int:
        """How long a message that found no place stays away: longer where its version sheds."""
        if self._lanes.room.closed:
            return 0
        asked_seconds = lane.pause_seconds if lane is not None else None
        if asked_seconds is None:
            return whole_seconds(route.retry.min_seconds)
        return max(whole_seconds(asked_seconds), self.backoff_seconds(message, route))

    def send_dead_letter(
        self, message: Message, marks: dict[str, str], confirmed: Callable[[bool], None]
    ) -> asyncio.Task[None] | None:
        """Send a copy to the dead-letter queue and tell whether SQS confirmed it."""
        if self._tasks is None:
            return None
        sending = self._copy(message, marks, confirmed)
        return self._tasks.create_task(sending, name=f"dead letter {message.message_id}")

    async def _copy(
        self, message: Message, marks: dict[str, str], confirmed: Callable[[bool], None]
    ) -> None:
        try:
            dropped = await self._queue.dead_letter(message, marks)
        except SourceError as error:
            self.observe(SettlementFailed(self._route, Action.DEAD_LETTER, str(error)))
            confirmed(False)  # noqa: FBT003 - a callback's one flag
            return
        self.observe(Settled(self._route, Action.DEAD_LETTER))
        if dropped:
            self.observe(AttributesDropped(self._route, message.message_id, dropped))
        confirmed(True)  # noqa: FBT003 - as above

    def tell(self) -> None:
        """Tell what was decided and acked since; to tell it one by one took 6 us a message."""
        touched, self._touched = self._touched, []
        ahead = self._wall() - self.clock() if touched else 0.0
        for leg in touched:
            leg.touched = False
            if leg.decided:
                event = Decided(self._route, leg.belongs_to.name, leg.reason, leg.decided)
                leg.decided = 0
                self._observer.observe(event)
            if leg.acked:
                seconds = [each.seconds for each in leg.acked]
                ages = [
                    ahead + each.began_at + each.seconds - each.message.sent_ms / 1000
                    for each in leg.acked
                ]
                leg.acked = []
                self._observer.observe(Acked(self._route, leg.to.name, seconds, ages))
