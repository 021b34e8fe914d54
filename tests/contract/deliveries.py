"""Deliveries that a test can await, and a check of every callback of a target."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.routing.decision import Reason
from tests.builders import STABLE, message

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.http.httpx_target import HttpxTarget
    from gateway.adapters.http.native_target import NativeTarget
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.messages.message import Message
    from gateway.ports import Sender, Sending, Target

    Done = Callable[[DeliveryResult], None]

AMPLE_SECONDS: Final = 30.0
"""For deliveries that end by themselves."""
SHORT_SECONDS: Final = 0.05
"""For deliveries that nothing but their timeout ends."""


async def deliver(
    target: Target, body: str = "{}", timeout_seconds: float = AMPLE_SECONDS
) -> DeliveryResult:
    """Send a message as the port has it; return the result."""
    sender = target.bind(plan(timeout_seconds))
    return await _result(lambda done: sender.send(message(body), done))


async def post(
    target: NativeTarget | HttpxTarget | Watched,
    body: bytes = b"{}",
    timeout_seconds: float = AMPLE_SECONDS,
    lines: str = "version: v1\r\n",
) -> DeliveryResult:
    """Send these bytes under these header lines; return the result."""
    return await _result(lambda done: target.post(lines, body, timeout_seconds, done))


def plan(timeout_seconds: float = AMPLE_SECONDS) -> DeliveryPlan:
    """Return a plan for the stable version of a standard queue."""
    return DeliveryPlan("orders", "orders", STABLE.tag, STABLE.name, Reason.SPLIT, timeout_seconds)


async def _result(send: Callable[[Done], Sending]) -> DeliveryResult:
    """Return the result; cancelled, cancel the delivery."""
    result: asyncio.Future[DeliveryResult] = asyncio.get_running_loop().create_future()
    sending = send(result.set_result)
    try:
        return await result
    except asyncio.CancelledError:
        sending.cancel()
        raise


@dataclass(eq=False)
class Delivery:
    """One delivery, as its caller sees it."""

    report: Done
    sending: Sending | None = None
    cancelled: bool = False
    results: list[DeliveryResult] = field(default_factory=list)

    def done(self, result: DeliveryResult) -> None:
        assert self.sending is not None, "`done` was called before `send` returned"
        self.results.append(result)
        assert not self.cancelled, "`done` was called for a cancelled delivery"
        self.report(result)

    def cancel(self) -> None:
        assert self.sending is not None
        self.cancelled = not self.results
        self.sending.cancel()


@dataclass(eq=False)
class WatchedSender:
    """A `Sender` whose deliveries are recorded."""

    sender: Sender
    seen: list[Delivery]

    def send(self, message: Message, done: Done) -> Delivery:
        delivery = Delivery(done)
        self.seen.append(delivery)
        delivery.sending = self.sender.send(message, delivery.done)
        return delivery


@dataclass(eq=False)
class Watched:
    """A `Target` whose deliveries are recorded, to check that `done` is called as promised."""

    target: NativeTarget | HttpxTarget
    seen: list[Delivery] = field(default_factory=list)

    def bind(self, plan: DeliveryPlan) -> WatchedSender:
        return WatchedSender(self.target.bind(plan), self.seen)

    def post(self, lines: str, body: bytes, timeout_seconds: float, done: Done) -> Delivery:
        delivery = Delivery(done)
        self.seen.append(delivery)
        delivery.sending = self.target.post(lines, body, timeout_seconds, delivery.done)
        return delivery

    async def close(self) -> None:
        """Close; each delivery must have had one result, or none where it was cancelled."""
        await self.target.close()
        for delivery in self.seen:
            assert len(delivery.results) == (0 if delivery.cancelled else 1)
