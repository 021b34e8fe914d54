"""One message on its way: decide -> deliver -> judge -> settle.

Callbacks, told by the lane when there is a turn and by the target when there is a result: with a
task, a future and a cancel scope for each message the runtime took more CPU than the kernel.
"""

from __future__ import annotations

from sys import getsizeof
from typing import TYPE_CHECKING, Final, assert_never

from gateway.core.delivery.disposition import (
    Ack,
    Reject,
    Responded,
    Retry,
    falls_back,
    is_ack,
    judge,
    whole_seconds,
)
from gateway.core.events import Delivered, Outcome
from gateway.core.routing.decision import Reason
from gateway.runtime.in_flight import InHand, Stage

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.messages.message import Attribute, Message
    from gateway.core.routing.version import Version
    from gateway.ports import Sending
    from gateway.runtime.courier import Courier
    from gateway.runtime.limiter import Lane, Seat
    from gateway.runtime.plans import Leg, Legs

OUTCOMES: Final = {Ack: Outcome.ACK, Retry: Outcome.RETRY, Reject: Outcome.REJECT}


class Delivery(InHand):
    """A message in hand, and what becomes of it.

    `ended` is called with None where the message is done with (deleted, or copied to the
    dead-letter queue and deleted, or somebody else's by now), else with the seconds after which it
    comes back.
    """

    __slots__ = (
        "_courier",
        "_ended",
        "_has_turn",
        "_legs",
        "_under_way",
        "began_at",
        "leg",
        "seconds",
        "under_way",
    )

    def __init__(
        self, courier: Courier, message: Message, leased_at: float, until: float, due_at: float
    ) -> None:
        # All in one: through `super()`, and a function for the size, it took twice as long.
        self.message, self.receipt = message, message.receipt
        self.received_at, self.leased_until, self.due_at = leased_at, until, due_at
        self.held_bytes = getsizeof(message.body)
        if message.attributes:
            self.held_bytes += held_bytes(message.attributes)
        self.stage, self.lease_lost = _WAITING, False
        self.back_after_seconds = self.attempts = 0
        self.settled = None
        self._courier = courier
        self._ended: Callable[[int | None], None] | None = None
        self._legs: Legs
        self._has_turn = False
        self._under_way: Sending | Seat | asyncio.Task[None] | None = None
        self.began_at = self.seconds = 0.0  # on the loop's clock, and how long it took
        self.leg: Leg | None = None
        self.under_way = False

    def begin(self, legs: Legs, ended: Callable[[int | None], None] | None = None) -> None:
        """Decide, and bring it to a version."""
        self._legs, self._ended = legs, ended
        message, courier = self.message, self._courier
        self.under_way = True
        courier.under_way += 1
        try:
            version, reason, _, _ = legs.decider.decide(message)
            if version is None:
                courier.undecided(reason)
                self._release(self._backoff_seconds())
                return
            leg = legs.of(version, version, reason)
            leg.decided += 1
            if not leg.touched:
                courier.touch(leg)
            if message.receive_count > legs.gives_up_after and version is not legs.route.stable:
                leg = legs.of(version, legs.route.stable, Reason.FALLBACK)
            lane = leg.lane
            if lane is not None and lane.enter():
                self._send(leg, lane)
            else:
                self._bring(leg)
        except Exception as error:  # noqa: BLE001 - one message must not stop all the others
            self._crashed(error)

    def cancel(self) -> None:
        """Give the message back, unless it is being settled already."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.cancel()
        self._leave(None)
        if self.stage in (Stage.WAITING, Stage.DELIVERING):
            self._release(0)

    def admitted(self, turn: bool) -> None:  # noqa: FBT001 - a callback's one flag
        """Go on after a wait for a turn: there is one, or there will be none."""
        self._under_way = None
        try:
            if turn and self.leg is not None and self.leg.lane is not None:
                self._send(self.leg, self.leg.lane)
            else:
                self._turned_away()
        except Exception as error:  # noqa: BLE001 - as above
            self._crashed(error)

    def answered(self, result: DeliveryResult | Exception) -> None:
        """Judge what came of the delivery; an exception is a defect of the target's."""
        self._under_way = None
        leg, courier = self.leg, self._courier
        self.seconds = courier.clock() - self.began_at
        try:
            if leg is None or isinstance(result, Exception):
                self._crashed(result if isinstance(result, Exception) else RuntimeError("no leg"))
                return
            if not is_ack(result):
                self._leave(result)
                self._failed(leg, result)
                return
            self._has_turn = False
            if leg.lane is not None:
                leg.lane.leave_well()
            leg.acked.append(self)
            if not leg.touched:
                courier.touch(leg)
            courier.settler.delete(self)
            self._end(None)
        except Exception as error:  # noqa: BLE001 - as above
            self._crashed(error)

    # ---- on the way there -----------------------------------------------------------------

    def _bring(self, leg: Leg) -> None:
        self.leg, lane = leg, leg.lane
        if lane is None:
            self._turned_away()
        elif lane.enter():
            self._send(leg, lane)
        else:
            self._under_way = seat = lane.sit_down(self.admitted)
            if seat is None:
                self._turned_away()

    def _turned_away(self) -> None:
        """Give it back, for longer where its version sheds."""
        lane = None if self.leg is None else self.leg.lane
        self._release(self._courier.pause_seconds(self.message, self._legs.route, lane))

    def _send(self, leg: Leg, lane: Lane) -> None:
        self.leg, self._has_turn = leg, True
        courier = self._courier
        self.began_at = began_at = courier.clock()
        if self.lease_lost or began_at >= self.leased_until:
            self._leave(None)  # the message may be somebody else's by now
            courier.settler.lose(self)
            self._end(None)
            return
        self.stage = _DELIVERING
        self._under_way = leg.sender(lane.target).send(self.message, self.answered)

    def _leave(self, result: DeliveryResult | None) -> None:
        if self._has_turn and self.leg is not None and self.leg.lane is not None:
            self._has_turn = False
            self.leg.lane.leave(result)

    # ---- what becomes of it ---------------------------------------------------------------

    def _failed(self, leg: Leg, result: DeliveryResult) -> None:
        route = self._legs.route
        fraction = self._courier.random()
        disposition = judge(result, self.message.receive_count, route.retry, fraction)
        stands_in = self._falls_back(leg.to, result)
        outcome = Outcome.FALLBACK if stands_in else OUTCOMES[type(disposition)]
        message_id = self.message.message_id
        event = Delivered(route.name, leg.to.name, message_id, outcome, result, self.seconds)
        self._courier.observe(event)
        if stands_in:
            self._bring(self._legs.of(leg.belongs_to, route.stable, Reason.FALLBACK))
            return
        match disposition:
            case Retry(after_seconds):
                self._release(after_seconds)
            case Reject():
                self._reject(leg, result)
            case Ack():
                raise AssertionError("an ack has not failed")
            case _:
                assert_never(disposition)

    def _falls_back(self, to: Version, result: DeliveryResult) -> bool:
        route = self._legs.route
        if to.name == route.stable.name or route.fallback is None:
            return False
        return falls_back(result, route.fallback)

    def _reject(self, leg: Leg, result: DeliveryResult) -> None:
        route = self._legs.route
        if route.dead_letter is None:
            self._release(whole_seconds(route.retry.max_seconds))
            return
        marks = {
            "gateway-route": route.name,
            "gateway-version": leg.to.name,
            "gateway-status": str(result.status) if isinstance(result, Responded) else "",
            "gateway-reason": leg.reason.value,
        }
        self._under_way = self._courier.send_dead_letter(self.message, marks, self._copied)

    def _copied(self, confirmed: bool) -> None:  # noqa: FBT001 - a callback's one flag
        self._under_way = None
        if confirmed:
            self._courier.settler.delete(self)
            self._end(None)
        else:
            self._release(self._backoff_seconds())

    def _crashed(self, error: Exception) -> None:
        self._leave(None)
        self._courier.crashed(self.message, error)
        if self.stage in (Stage.WAITING, Stage.DELIVERING):
            self._release(self._backoff_seconds())

    def _release(self, seconds: int) -> None:
        self._courier.settler.release(self, seconds)
        self._end(seconds)

    def _end(self, seconds: int | None) -> None:
        courier = self._courier
        self.under_way = False
        courier.under_way -= 1
        if not courier.under_way:
            courier.all_ended()
        if self._ended is not None:
            self._ended(seconds)

    def _backoff_seconds(self) -> int:
        return self._courier.backoff_seconds(self.message, self._legs.route)


def held_bytes(attributes: Mapping[str, Attribute]) -> int:
    """Return the memory that the texts take: up to four times their bytes, for rare characters."""
    size = 0
    for _, text in attributes.values():
        size += getsizeof(text)
    return size


_WAITING: Final = Stage.WAITING  # a member of an enum is slow to find
_DELIVERING: Final = Stage.DELIVERING
