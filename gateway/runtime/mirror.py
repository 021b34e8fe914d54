"""Copies of messages for a route's mirror: nothing of the real deliveries waits for them.

A copy has no lease, no permit, no retry and no order. It is posted after the message itself was
handed over, and what comes of it is counted and forgotten.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gateway.aiokit.idle import IdleCounter
from gateway.aiokit.waiting import wait_until_done
from gateway.core.delivery.disposition import describe, is_ack
from gateway.core.events import CopyOutcome
from gateway.core.routing.decision import Reason
from gateway.runtime.plans import delivery_plan
from gateway.runtime.target_settings import target_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.messages.message import Message
    from gateway.core.routing.mirror import Mirror
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Sender, Sending, Target
    from gateway.runtime.reporter import Reporter
    from gateway.runtime.shutdown import StopRequest


class Copy:
    """One copy: to be posted while it has a `message`, then under way."""

    __slots__ = ("message", "sending", "timer")

    def __init__(self, message: Message) -> None:
        self.message: Message | None = message
        self.sending: Sending | None = None
        self.timer: asyncio.TimerHandle | None = None


class ActiveMirror:
    """The mirror of one generation of a route, and what posts its copies."""

    def __init__(self, route: Route, mirror: Mirror, target: Target) -> None:
        self.mirror = mirror
        self.version = mirror.to.name
        self.target = target
        plan = delivery_plan(route, mirror.to, mirror.to.tag, Reason.MIRROR)
        self.sender = target.bind(replace(plan, timeout_seconds=mirror.timeout_seconds))


class MirroredSender:
    """A Sender that hands each message over to another one, and then offers it to the mirror."""

    __slots__ = ("_chosen", "_mirroring", "_sender")

    def __init__(self, sender: Sender, mirroring: Mirroring, chosen: Version) -> None:
        self._sender = sender
        self._mirroring = mirroring
        self._chosen = chosen

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """Deliver once; `done` hears of this delivery alone."""
        sending = self._sender.send(message, done)
        self._mirroring.offer(message, self._chosen)
        return sending


class Mirroring:
    """The copies of one route; kept over a reload, so that its limit holds across it.

    `make_target` makes a target for copies alone: a mirror that hangs takes no connection from the
    deliveries to its version. Copies are dropped while the process is `short` of descriptors.
    """

    def __init__(
        self,
        route: Route,
        make_target: Callable[[Version], Target],
        reporter: Reporter,
        short: Callable[[], bool] | None,
    ) -> None:
        self._make_target = make_target
        self._reporter = reporter
        self._short = short or _never
        self._active: ActiveMirror | None = None
        self._stopped = False
        self._to_post: list[tuple[ActiveMirror, Copy]] = []
        self._under_way: set[Copy] = set()
        self._idle = IdleCounter()
        self._retired: list[Target] = []
        self.adopt(route)

    def adopt(self, route: Route) -> None:
        """Copy by another routing table from now on; copies under way go on as they are."""
        before, mirror = self._active, route.mirror
        kept = None
        if before is not None:
            if mirror is not None and _settings(mirror) == _settings(before.mirror):
                kept = before.target
            else:
                self._retired.append(before.target)
        if mirror is None:
            self._active = None
            return
        sized = replace(mirror.to, max_in_flight=mirror.max_in_flight, least_in_flight=None)
        self._active = ActiveMirror(route, mirror, kept or self._make_target(sized))

    def wrap(self, sender: Sender, chosen: Version) -> Sender:
        """Return what also copies the messages that were decided for this version."""
        return MirroredSender(sender, self, chosen)

    def offer(self, message: Message, chosen: Version) -> None:
        """Post a copy soon, if the mirror is to have one and has room. Raises nothing."""
        active = self._active
        if active is None or self._stopped:
            return
        try:
            if not active.mirror.copies(message, chosen):
                return
            if len(self._under_way) >= active.mirror.max_in_flight or self._short():
                self._reporter.mirrored(active.version, CopyOutcome.DROPPED)
                return
        except Exception as error:  # noqa: BLE001 - the message is being delivered already
            self._reporter.mirrored(active.version, CopyOutcome.FAILED, _defect(error))
            return
        copy = Copy(message)
        self._under_way.add(copy)
        self._idle.count += 1
        if not self._to_post:  # what was handed over is written first
            asyncio.get_running_loop().call_soon(self._post_all)
        self._to_post.append((active, copy))

    def stop(self) -> None:
        """Begin no copy any more: the route stops."""
        self._stopped = True

    async def finish(self, stop: StopRequest) -> None:
        """Wait for the copies under way until the drain ends, or a hard stop; cancel the rest."""
        if self._under_way:
            idle = asyncio.create_task(self._idle.wait(), name="await copies")
            await wait_until_done({idle}, stop.hard, stop.deadline)
            idle.cancel()
        self.cancel_all()

    def cancel_all(self) -> None:
        """Cancel what is under way."""
        self._stopped = True
        for copy in tuple(self._under_way):
            if copy.sending is not None:
                copy.sending.cancel()
            self._remove(copy)

    async def close_retired(self) -> None:
        """Close the targets that the mirror does not use any more."""
        while self._retired:
            await self._retired.pop().close()

    async def close(self) -> None:
        """Close every target."""
        if self._active is not None:
            self._retired.append(self._active.target)
            self._active = None
        await self.close_retired()

    def _post_all(self) -> None:
        to_post, self._to_post = self._to_post, []
        for active, copy in to_post:
            message, copy.message = copy.message, None
            if message is not None:  # else it was cancelled
                self._post(active, copy, message)

    def _post(self, active: ActiveMirror, copy: Copy, message: Message) -> None:
        # A timer of its own: a target's begins only once a request has a connection, or looks for
        # one.
        seconds = active.mirror.timeout_seconds
        copy.timer = asyncio.get_running_loop().call_later(seconds, self._time_out, active, copy)
        try:
            copy.sending = active.sender.send(message, partial(self._on_result, active, copy))
        except Exception as error:  # noqa: BLE001 - a defect must not stop the other copies
            self._end(active, copy, CopyOutcome.FAILED, _defect(error))

    def _on_result(
        self, active: ActiveMirror, copy: Copy, result: DeliveryResult | Exception
    ) -> None:
        if isinstance(result, Exception):
            self._end(active, copy, CopyOutcome.FAILED, _defect(result))
        elif is_ack(result):
            self._end(active, copy, CopyOutcome.SENT)
        else:
            self._end(active, copy, CopyOutcome.FAILED, describe(result))

    def _time_out(self, active: ActiveMirror, copy: Copy) -> None:
        if copy.sending is not None:
            copy.sending.cancel()
        why = f"no response within {active.mirror.timeout_seconds:g} s"
        self._end(active, copy, CopyOutcome.FAILED, why)

    def _end(self, active: ActiveMirror, copy: Copy, outcome: CopyOutcome, why: str = "") -> None:
        self._remove(copy)
        self._reporter.mirrored(active.version, outcome, why)

    def _remove(self, copy: Copy) -> None:
        copy.message = copy.sending = None
        if copy.timer is not None:
            copy.timer.cancel()
        self._under_way.discard(copy)
        self._idle.count = len(self._under_way)
        if self._idle.awaited and not self._under_way:
            self._idle.notify()


def _settings(mirror: Mirror) -> tuple[object, ...]:
    """Return what a mirror's target is made of."""
    return mirror.to.name, mirror.max_in_flight, *target_settings(mirror.to)


def _never() -> bool:
    return False


def _defect(error: Exception) -> str:
    return f"a defect of the gateway: {error!r}"
