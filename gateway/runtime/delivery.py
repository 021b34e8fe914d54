"""One message on its way: decide -> deliver -> judge -> settle.

Callbacks, told by the lane when there is a turn and by the target when there is a result: with a
task, a future and a cancel scope for each message the runtime took more CPU than the kernel.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, assert_never

from gateway.core.decision import Reason, decide
from gateway.core.disposition import (
    Ack,
    Answered,
    Reject,
    Retry,
    falls_back,
    gives_up_on_version,
    is_ack,
    judge,
    whole_seconds,
)
from gateway.core.facts import Delivered, Outcome
from gateway.core.headers import delivery_headers
from gateway.runtime.hand import Stage
from gateway.runtime.lanes import Seat

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.disposition import DeliveryResult
    from gateway.core.message import Message
    from gateway.core.route import Route
    from gateway.core.versions import Version
    from gateway.ports import Sending
    from gateway.runtime.courier import Courier
    from gateway.runtime.hand import InHand
    from gateway.runtime.lanes import Lane

OUTCOMES: Final = {Ack: Outcome.ACK, Retry: Outcome.RETRY, Reject: Outcome.REJECT}


class Delivery:
    """What becomes of one message in hand.

    `belongs_to` is the version that was chosen for it, `to` the one that gets it, and `reason` why.
    `ended` is called with None where the message is done with (deleted, or copied to the
    dead-letter queue and deleted, or somebody else's by now), else with the seconds after which it
    comes back.
    """

    __slots__ = (
        "_courier",
        "_ended",
        "_lane",
        "_route",
        "_under_way",
        "began_at",
        "belongs_to",
        "entry",
        "reason",
        "seconds",
        "to",
    )

    def __init__(
        self,
        courier: Courier,
        entry: InHand,
        route: Route,
        ended: Callable[[int | None], None] | None,
    ) -> None:
        self._courier, self.entry, self._route, self._ended = courier, entry, route, ended
        self._lane: Lane | None = None  # where it has a turn
        self._under_way: Sending | Seat | asyncio.Task[None] | None = None
        self.began_at = self.seconds = 0.0  # on the loop's clock, and how long it took
        self.reason = Reason.DEFAULT
        self.belongs_to: Version
        self.to: Version

    def begin(self) -> None:
        """Decide, and bring it to a version."""
        route = self._route
        message = self.entry.message
        try:
            version, reason, _, _ = decide(message, route)
            self._courier.decided(version, reason)
            if version is None:
                self._release(self._backoff_seconds())
                return
            self.belongs_to = version
            stable = route.stable
            if version is not stable and gives_up_on_version(message.receive_count, route.fallback):
                self._bring(stable, Reason.FALLBACK)
            else:
                self._bring(version, reason)
        except Exception as error:  # noqa: BLE001 - one message must not stop all the others
            self._crashed(error)

    def cancel(self) -> None:
        """Give the message back, unless it is being settled already."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.cancel()
        self._leave()
        if self.entry.stage in (Stage.WAITING, Stage.DELIVERING):
            self._release(0)

    def admitted(self, turn: bool) -> None:  # noqa: FBT001 - a callback's one flag
        """Go on after a wait for a turn: there is one, or there will be none."""
        lane = self._under_way.lane if isinstance(self._under_way, Seat) else None
        self._under_way = None
        try:
            if turn and lane is not None:
                self._send(lane)
            else:
                self._turned_away(lane)
        except Exception as error:  # noqa: BLE001 - as above
            self._crashed(error)

    def answered(self, result: DeliveryResult | Exception) -> None:
        """Judge what came of the delivery; an exception is a defect of the target's."""
        self._under_way = None
        courier, lane = self._courier, self._lane
        self.seconds = courier.clock() - self.began_at
        try:
            if isinstance(result, Exception):
                raise result  # noqa: TRY301 - a defect is a defect, whoever's it is
            if lane is not None:
                self._lane = None
                lane.leave(result)
            if is_ack(result):
                courier.acked(self)
                self._end(None)
            else:
                self._failed(result)
        except Exception as error:  # noqa: BLE001 - as above
            self._crashed(error)

    # ---- on the way there -----------------------------------------------------------------

    def _bring(self, to: Version, reason: Reason) -> None:
        self.to, self.reason = to, reason
        lane = self._courier.lanes.of(to)
        if lane is None:
            self._turned_away(None)
        elif lane.enter():
            self._send(lane)
        else:
            self._under_way = seat = lane.sit_down(self.admitted)
            if seat is None:
                self._turned_away(lane)

    def _turned_away(self, lane: Lane | None) -> None:
        """Give it back, for longer where its version sheds."""
        self._release(self._courier.pause_seconds(self.entry.message, self._route, lane))

    def _send(self, lane: Lane) -> None:
        self._lane = lane
        entry, to, courier = self.entry, self.to, self._courier
        message = entry.message
        lines = delivery_headers(
            message,
            route=courier.route,
            queue=courier.queue_name,
            fifo=courier.fifo,
            belongs_to=self.belongs_to,
            delivered_to=to,
            reason=self.reason,
        )
        self.began_at = began_at = courier.clock()
        if entry.lease_lost or began_at >= entry.leased_until:
            self._leave()  # the message may be somebody else's by now
            courier.settler.lose(entry)
            self._end(None)
            return
        entry.stage = Stage.DELIVERING
        body = message.body.encode("utf-8", "surrogatepass")
        self._under_way = lane.target.send(lines, body, to.timeout_seconds, self.answered)

    # ---- what becomes of it ---------------------------------------------------------------

    def _failed(self, result: DeliveryResult) -> None:
        receive_count, chance = self.entry.message.receive_count, self._courier.chance()
        disposition = judge(result, receive_count, self._route.retry, chance)
        stands_in = self._falls_back(result)
        outcome = Outcome.FALLBACK if stands_in else OUTCOMES[type(disposition)]
        self._courier.notice(self._delivered(outcome, result))
        if stands_in:
            self._bring(self._route.stable, Reason.FALLBACK)
            return
        match disposition:
            case Retry(after_seconds):
                self._release(after_seconds)
            case Reject():
                self._reject(result)
            case Ack():
                raise AssertionError("an ack has not failed")
            case _:
                assert_never(disposition)

    def _falls_back(self, result: DeliveryResult) -> bool:
        route = self._route
        if self.to.name == route.stable.name or route.fallback is None:
            return False
        return falls_back(result, route.fallback)

    def _delivered(self, outcome: Outcome, result: DeliveryResult) -> Delivered:
        message_id, name = self.entry.message.message_id, self._route.name
        return Delivered(name, self.to.name, message_id, outcome, result, self.seconds)

    def _reject(self, result: DeliveryResult) -> None:
        route = self._route
        if route.dead_letter is None:
            self._release(whole_seconds(route.retry.max_seconds))
            return
        marks = self._marks(result)
        self._under_way = self._courier.send_dead_letter(self, marks, self._copied)

    def _marks(self, result: DeliveryResult) -> dict[str, str]:
        status = str(result.status) if isinstance(result, Answered) else ""
        return {
            "gateway-route": self._route.name,
            "gateway-version": self.to.name,
            "gateway-status": status,
            "gateway-reason": self.reason.value,
        }

    def _copied(self, confirmed: bool) -> None:  # noqa: FBT001 - a callback's one flag
        self._under_way = None
        if confirmed:
            self._courier.settler.delete(self.entry)
            self._end(None)
        else:
            self._release(self._backoff_seconds())

    def _crashed(self, error: Exception) -> None:
        self._leave()
        self._courier.crashed(self.entry, error)
        if self.entry.stage in (Stage.WAITING, Stage.DELIVERING):
            self._release(self._backoff_seconds())

    def _leave(self) -> None:
        lane, self._lane = self._lane, None
        if lane is not None:
            lane.leave(None)

    def _release(self, seconds: int) -> None:
        self._courier.settler.release(self.entry, seconds)
        self._end(seconds)

    def _end(self, seconds: int | None) -> None:
        self._courier.ended(self)
        if self._ended is not None:
            self._ended(seconds)

    def _backoff_seconds(self) -> int:
        return self._courier.backoff_seconds(self.entry.message, self._route)
