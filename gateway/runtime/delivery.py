"""One message: decide -> deliver -> judge -> settle."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from gateway.core.decision import Reason, decide
from gateway.core.disposition import (
    Ack,
    Answered,
    Disposition,
    Reject,
    Retry,
    backoff_seconds,
    falls_back,
    gives_up_on_version,
    judge,
    whole_seconds,
)
from gateway.core.facts import (
    Action,
    AttributesDropped,
    Decided,
    Delivered,
    DeliveryCrashed,
    Outcome,
    Settled,
    SettlementFailed,
)
from gateway.core.headers import delivery_headers
from gateway.ports import QueueError
from gateway.runtime.hand import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.disposition import DeliveryResult
    from gateway.core.message import Message
    from gateway.core.route import Route
    from gateway.core.versions import Version
    from gateway.ports import Observer, Queue
    from gateway.runtime.hand import InHand
    from gateway.runtime.lanes import Lane, Lanes
    from gateway.runtime.settler import Settler

OUTCOMES = {Ack: Outcome.ACK, Retry: Outcome.RETRY, Reject: Outcome.REJECT}


@dataclass(frozen=True, slots=True)
class _Leg:
    """One delivery to make: the version a message belongs to, the one it goes to, and why."""

    belongs_to: Version
    to: Version
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a message's last delivery came to."""

    leg: _Leg
    disposition: Disposition
    result: DeliveryResult | None = None  # None: the version was at its own limit
    falls_back: bool = False


class _LeaseOver(Exception):  # noqa: N818 - what became of a message, not a defect
    """The lease ended before the delivery began: the message may be somebody else's by now."""


class Courier:
    """Carries the messages of one route. `wall` gives epoch seconds, `chance` uniform 0..1."""

    def __init__(
        self,
        *,
        queue: Queue,
        lanes: Lanes,
        settler: Settler,
        observer: Observer,
        wall: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._queue, self._lanes, self._settler = queue, lanes, settler
        self._observer, self._wall, self._chance = observer, wall, chance

    async def carry(self, entry: InHand, route: Route) -> int | None:
        """Bring one message to its version and hand it to the settler.

        Returns None where the message is done with (deleted, or copied to the dead-letter queue
        and deleted; or lost to somebody else before its turn came), else the seconds after which
        it comes back. A cancelled delivery (the drain is over, or the 12 hours are) and a defect
        of ours both give the message back.
        """
        entry.carrier = asyncio.current_task()
        try:
            leg = self._decided(entry.message, route)
            if leg is None:
                return self._release(entry, self._backoff(entry.message, route))
            return await self._settle(entry, route, await self._brought(entry, route, leg))
        except _LeaseOver:
            self._settler.lose(entry)
            return None
        except asyncio.CancelledError:
            if entry.stage in (Stage.WAITING, Stage.DELIVERING):
                self._settler.release(entry, 0)
            raise
        except Exception as error:  # noqa: BLE001 - one message must not stop all the others
            crash = DeliveryCrashed(route.name, entry.message.message_id, error)
            self._observer.notice(crash)
            return self._release(entry, self._backoff(entry.message, route))

    async def _brought(self, entry: InHand, route: Route, leg: _Leg) -> _Verdict:
        verdict = await self._deliver(entry, route, leg)
        if not verdict.falls_back:
            return verdict
        fallback = _Leg(leg.belongs_to, route.stable, Reason.FALLBACK)
        return await self._deliver(entry, route, fallback)

    def _decided(self, message: Message, route: Route) -> _Leg | None:
        decision = decide(message, route)
        self._observer.notice(Decided(route.name, decision))
        version = decision.version
        if version is None:
            return None
        if version.name != route.stable.name and gives_up_on_version(
            message.receive_count, route.fallback
        ):
            return _Leg(version, route.stable, Reason.FALLBACK)
        return _Leg(version, version, decision.reason)

    async def _deliver(self, entry: InHand, route: Route, leg: _Leg) -> _Verdict:
        entry.carried_to = leg.to.name
        lane = self._lanes.of(leg.to)
        if lane is None or not await lane.enter():
            return _Verdict(leg, Retry(self._pause_seconds(entry.message, route, lane)))
        try:
            return await self._send(entry, route, leg, lane)
        finally:
            lane.leave()

    def _pause_seconds(self, message: Message, route: Route, lane: Lane | None) -> int:
        """How long a message that found no place stays away: longer where its version sheds."""
        if self._lanes.room.closed:
            return 0
        asked_seconds = lane.pause_seconds if lane is not None else None
        if asked_seconds is None:
            return whole_seconds(route.retry.min_seconds)
        return max(whole_seconds(asked_seconds), self._backoff(message, route))

    async def _send(self, entry: InHand, route: Route, leg: _Leg, lane: Lane) -> _Verdict:
        message = entry.message
        headers = delivery_headers(
            message,
            route=route.name,
            queue=route.queue.name,
            fifo=route.queue.fifo,
            belongs_to=leg.belongs_to,
            delivered_to=leg.to,
            reason=leg.reason,
        )
        body = message.body.encode("utf-8", "surrogatepass")
        loop = asyncio.get_running_loop()
        began = loop.time()
        if entry.lease_lost or began >= entry.leased_until:
            raise _LeaseOver
        entry.stage = Stage.DELIVERING
        result = await lane.target.deliver(headers, body, leg.to.timeout_seconds)
        lane.heard(result)
        disposition = self._judged(result, message, route)
        verdict = _Verdict(leg, disposition, result, _falls_back(result, leg, route))
        self._notice(message, route, verdict, loop.time() - began)
        return verdict

    def _judged(self, result: DeliveryResult, message: Message, route: Route) -> Disposition:
        return judge(result, message.receive_count, route.retry, self._chance())

    def _notice(self, message: Message, route: Route, verdict: _Verdict, seconds: float) -> None:
        leg, result = verdict.leg, verdict.result
        if result is None:
            return
        outcome = OUTCOMES[type(verdict.disposition)]
        if verdict.falls_back:
            outcome = Outcome.FALLBACK
        acked = outcome is Outcome.ACK
        age = max(0.0, self._wall() - message.sent_ms / 1000) if acked else None
        fact = Delivered(route.name, leg.to.name, message.message_id, outcome, result, seconds, age)
        self._observer.notice(fact)

    async def _settle(self, entry: InHand, route: Route, verdict: _Verdict) -> int | None:
        match verdict.disposition:
            case Ack():
                self._settler.delete(entry)
                return None
            case Retry(after_seconds):
                return self._release(entry, after_seconds)
            case Reject():
                return await self._reject(entry, route, verdict)
            case _:
                assert_never(verdict.disposition)

    async def _reject(self, entry: InHand, route: Route, verdict: _Verdict) -> int | None:
        if route.dead_letter is None:
            return self._release(entry, whole_seconds(route.retry.max_seconds))
        try:
            dropped = await self._queue.send_dead_letter(entry.message, _marks(route, verdict))
        except QueueError as error:
            failure = SettlementFailed(route.name, Action.DEAD_LETTER, str(error))
            self._observer.notice(failure)
            return self._release(entry, self._backoff(entry.message, route))
        self._observer.notice(Settled(route.name, Action.DEAD_LETTER))
        if dropped:
            self._observer.notice(AttributesDropped(route.name, entry.message.message_id, dropped))
        self._settler.delete(entry)
        return None

    def _release(self, entry: InHand, seconds: int) -> int:
        self._settler.release(entry, seconds)
        return seconds

    def _backoff(self, message: Message, route: Route) -> int:
        return backoff_seconds(message.receive_count, route.retry, self._chance())


def _falls_back(result: DeliveryResult, leg: _Leg, route: Route) -> bool:
    if leg.to.name == route.stable.name or route.fallback is None:
        return False
    return falls_back(result, route.fallback)


def _marks(route: Route, verdict: _Verdict) -> dict[str, str]:
    status = str(verdict.result.status) if isinstance(verdict.result, Answered) else ""
    return {
        "gateway-route": route.name,
        "gateway-version": verdict.leg.to.name,
        "gateway-status": status,
        "gateway-reason": verdict.leg.reason.value,
    }
