"""One message after the other: decide -> deliver -> judge -> settle.

Callbacks: the limiter calls when there is a slot, the target when there is a result. A task, a
future and a cancel scope for each message cost more than the kernel does (ADR 8).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

from gateway.aiokit.idle import IdleCounter
from gateway.core.delivery.backoff import backoff_seconds, whole_seconds
from gateway.core.delivery.disposition import (
    Ack,
    Reject,
    Retry,
    is_ack,
    judge,
)
from gateway.core.delivery.last_attempt import after_attempt
from gateway.core.events import Delivered, DeliveryCrashed, Outcome
from gateway.core.kafka.attempts import attempts_of
from gateway.core.kafka.release_cause import ReleaseCause
from gateway.core.routing.decision import Reason
from gateway.runtime.in_flight import State
from gateway.runtime.plans import DeliveryPlans
from gateway.runtime.waiter import sent_at

if TYPE_CHECKING:
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.history import Watch
    from gateway.core.routing.route import Route
    from gateway.runtime.in_flight import InFlight, InFlightMessage
    from gateway.runtime.limiter import Limiter, Limiters
    from gateway.runtime.plans import ActivePlan, Recorders, Wrap
    from gateway.runtime.reporter import Reporter
    from gateway.runtime.settler import Settler

Ended = Callable[["int | None"], None]

OUTCOMES: Final = {Ack: Outcome.ACK, Retry: Outcome.RETRY, Reject: Outcome.REJECT}


class Deliverer:
    """Delivers a route's messages. `random`: uniform 0..1, to back off. `watch` gets decisions."""

    def __init__(
        self,
        *,
        route: Route,
        limiters: Limiters,
        with_copies: Wrap,
        recorders: Recorders,
        in_flight: InFlight,
        settler: Settler,
        reporter: Reporter,
        random: Callable[[], float],
    ) -> None:
        self.plans = DeliveryPlans(route, limiters, with_copies, recorders)
        self._limiters = limiters
        self._with_copies = with_copies
        self._recorders = recorders
        self._in_flight = in_flight
        self._settler = settler
        self._reporter = reporter
        self._random = random
        self.watch: Watch | None = None
        self._under_way = IdleCounter()

    def start(self) -> None:
        """Use the running loop from now on."""
        self._clock = asyncio.get_running_loop().time

    def adopt(self, route: Route) -> None:
        """Decide by another routing table from the next message on."""
        self.plans = DeliveryPlans(route, self._limiters, self._with_copies, self._recorders)

    def begin(
        self, entry: InFlightMessage, ended: Ended | None = None, by: DeliveryPlans | None = None
    ) -> None:
        """Decide, by these plans or those in force, and bring the message to a version.

        `ended` gets None once the message is done with (it is being deleted, or its lease was
        lost), else the seconds after which it comes back.
        """
        plans, reporter = by or self.plans, self._reporter
        entry.plans = plans
        entry.ended = ended
        entry.under_way = True
        self._under_way.count += 1
        try:
            message, route = entry.message, plans.route
            decision = plans.decider.decide(message)
            if self.watch is not None:
                self.watch(route.name, message, decision)
            version, reason, _, _ = decision
            if version is None:
                reporter.undecided(reason)
                self._release(entry, self._backoff_seconds(entry))
                return
            plan = plans.of(version, version, reason)
            reporter.decided(plan)
            if (
                message.receive_count > plans.fallback_after_receives
                and version is not route.stable
            ):
                plan = plans.of(version, route.stable, Reason.FALLBACK)
            limiter = plan.limiter
            if limiter is not None and limiter.acquire():  # as nearly always
                entry.plan = plan
                self._send(entry, plan, limiter)
            else:
                self._bring(entry, plan)
        except Exception as error:  # noqa: BLE001 - one message must not stop all the others
            self._crashed(entry, error)

    def cancel(self, entry: InFlightMessage, cause: ReleaseCause | None = None) -> None:
        """Give the message back at once, unless it is being settled already."""
        waits_for, entry.waits_for = entry.waits_for, None
        if waits_for is not None:
            waits_for.cancel()
        self._leave(entry, None)
        if entry.state in (State.WAITING, State.DELIVERING):
            self._release(entry, 0, cause)

    def cancel_all(self) -> None:
        """Give back every message that is under way."""
        for entry in self._in_flight.under_way():
            self.cancel(entry)

    async def idle(self) -> None:
        """Return once no delivery is under way."""
        await self._under_way.wait()

    # ---- to the version -------------------------------------------------------------------

    def _bring(self, entry: InFlightMessage, plan: ActivePlan) -> None:
        plan = plan.instead or plan
        entry.plan = plan
        limiter = plan.limiter
        if limiter is None:
            self._turned_away(entry)
        elif limiter.acquire():
            self._send(entry, plan, limiter)
        else:
            waiter = limiter.wait(partial(self._admitted, entry), sent_at(entry.message))
            entry.waits_for = waiter
            if waiter is None:
                self._turned_away(entry)

    def _admitted(self, entry: InFlightMessage, slot: bool) -> None:  # noqa: FBT001 - a callback's one flag
        entry.waits_for = None
        plan = entry.plan
        try:
            if slot and plan is not None and plan.limiter is not None:
                self._send(entry, plan, plan.limiter)
            else:
                self._turned_away(entry)
        except Exception as error:  # noqa: BLE001 - as above
            self._crashed(entry, error)

    def _send(self, entry: InFlightMessage, plan: ActivePlan, limiter: Limiter) -> None:
        entry.has_slot = True
        entry.began_at = began_at = self._clock()
        if entry.lease_lost or began_at >= entry.leased_until:
            self._leave(entry, None)  # another consumer may have received the message by now
            self._settler.drop_lost(entry)
            self._end(entry, None)
            return
        entry.state = _DELIVERING
        sender = plan.sender(limiter.target)
        entry.waits_for = sender.send(entry.message, partial(self._on_result, entry))

    def _turned_away(self, entry: InFlightMessage) -> None:
        """Release a message that found no slot: for longer where the circuit breaker is open."""
        if self._limiters.wait_queue.closed:
            self._release(entry, 0)
            return
        plan = entry.plan
        limiter = None if plan is None else plan.limiter
        at_least = None if limiter is None else limiter.retry_after_seconds
        if at_least is None:
            self._release(entry, whole_seconds(self._route(entry).retry.min_seconds))
        else:
            self._release(entry, max(whole_seconds(at_least), self._backoff_seconds(entry)))

    def _leave(self, entry: InFlightMessage, result: DeliveryResult | None) -> None:
        plan = entry.plan
        if entry.has_slot and plan is not None and plan.limiter is not None:
            entry.has_slot = False
            plan.limiter.release(result)

    # ---- what became of it ----------------------------------------------------------------

    def _on_result(self, entry: InFlightMessage, result: DeliveryResult | Exception) -> None:
        """Judge the result of a delivery; an exception is a defect of the target's."""
        entry.waits_for = None
        entry.seconds = self._clock() - entry.began_at
        plan = entry.plan
        try:
            if plan is None or isinstance(result, Exception):
                error = result if isinstance(result, Exception) else RuntimeError("no plan")
                self._crashed(entry, error)
                return
            if not is_ack(result):
                self._leave(entry, result)
                if plan.evidence is not None:
                    hung, entry.counted = entry.counted, True
                    plan.evidence.failed(entry.message, entry.began_at, entry.seconds, hung=hung)
                self._failed(entry, plan, result)
                return
            entry.has_slot = False
            if plan.limiter is not None:
                plan.limiter.release_after_ack()
            self._reporter.acked(plan, entry)
            self._settler.delete(entry)
            self._end(entry, None)
            if plan.evidence is not None:
                began_at, hung = entry.began_at, entry.counted
                plan.evidence.acked(entry.message, began_at, entry.seconds, hung=hung)
        except Exception as error:  # noqa: BLE001 - as above
            self._crashed(entry, error)

    def _failed(self, entry: InFlightMessage, plan: ActivePlan, result: DeliveryResult) -> None:
        plans, message = entry.plans or self.plans, entry.message
        route = plans.route
        attempt = attempts_of(message.receive_count)
        disposition = judge(result, attempt, route.retry, self._random())
        disposition = after_attempt(disposition, attempt, route)
        to_stable = plans.falls_back(plan.version, result)
        outcome = Outcome.FALLBACK if to_stable else OUTCOMES[type(disposition)]
        name, sent = plan.version.name, message.message_id
        self._reporter.emit(Delivered(route.name, name, sent, outcome, result, entry.seconds))
        if to_stable:
            self._bring(entry, plans.of(plan.chosen, route.stable, Reason.FALLBACK))
            return
        match disposition:
            case Retry(after_seconds):
                self._release(entry, after_seconds)
            case Reject():
                self._reject(entry, plan, result)
            case Ack():
                raise AssertionError("an ack has not failed")
            case _:
                assert_never(disposition)

    def _reject(self, entry: InFlightMessage, plan: ActivePlan, result: DeliveryResult) -> None:
        route = self._route(entry)
        if route.dead_letter is None:
            seconds = whole_seconds(route.retry.max_seconds)
            self._release(entry, seconds, ReleaseCause.REJECTED)
            return
        done = partial(self._dead_lettered, entry)
        entry.waits_for = self._settler.dead_letter(entry, plan.marks(result), done)

    def _dead_lettered(self, entry: InFlightMessage, confirmed: bool) -> None:  # noqa: FBT001 - a callback's one flag
        entry.waits_for = None
        if confirmed:
            self._settler.delete(entry)
            self._end(entry, None)
        else:
            self._release(entry, self._backoff_seconds(entry))

    def _crashed(self, entry: InFlightMessage, error: Exception) -> None:
        """Report a defect of the gateway's, and have the message retried."""
        self._leave(entry, None)
        route = self._route(entry)
        self._reporter.emit(DeliveryCrashed(route.name, entry.message.message_id, error))
        if entry.state in (State.WAITING, State.DELIVERING):
            self._release(entry, self._backoff_seconds(entry), ReleaseCause.FAILED)

    def _release(
        self, entry: InFlightMessage, seconds: int, cause: ReleaseCause | None = None
    ) -> None:
        self._settler.release(entry, seconds, cause)
        self._end(entry, seconds)

    def _end(self, entry: InFlightMessage, seconds: int | None) -> None:
        entry.under_way = False
        under_way = self._under_way
        under_way.count -= 1
        if under_way.awaited and not under_way.count:
            under_way.notify()
        ended = entry.ended
        if ended is not None:
            entry.ended = None  # no cycle with what waits for it
            ended(seconds)

    def _backoff_seconds(self, entry: InFlightMessage) -> int:
        count, retry = attempts_of(entry.message.receive_count), self._route(entry).retry
        return backoff_seconds(count, retry, self._random())

    def _route(self, entry: InFlightMessage) -> Route:
        return (entry.plans or self.plans).route


_DELIVERING: Final = State.DELIVERING  # a member of an enum is slow to find
