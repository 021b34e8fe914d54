"""A queue target at work for the length of a block, and what came of its deliveries."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from gateway.adapters.sqs.queue_target import QueueTarget
from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.routing.decision import Reason
from gateway.core.routing.version import Version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.events import Event
    from gateway.core.messages.message import Message
    from gateway.ports import Sending


def queue_plan(tag: str = "v2", timeout_seconds: float = 30.0, **rest: Any) -> DeliveryPlan:
    """Return a plan of the version `canary`."""
    return DeliveryPlan("orders", "orders", tag, "canary", Reason.SPLIT, timeout_seconds, **rest)


class Deliveries:
    """A target, with the events that it observed and the results that it gave."""

    def __init__(self, calls: Any, **version: Any) -> None:
        self.events: list[Event] = []
        queue = Version("canary", "v2", queue=calls.address, **version)
        self.target = QueueTarget(queue, calls, "orders", self.events.append)
        self.results: dict[str, list[DeliveryResult]] = {}
        self.running: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    def start(self, message: Message, plan: DeliveryPlan | None = None) -> Sending:
        """Send a message; its result is kept by its body."""
        results = self.results.setdefault(message.body, [])

        def done(result: DeliveryResult) -> None:
            results.append(result)
            self._moved.set()

        sending = self.target.bind(plan or queue_plan()).send(message, done)
        assert not results, "`done` was called before `send` returned"
        return sending

    async def results_of(self, *messages: Message) -> list[DeliveryResult]:
        """Wait for the results of messages that were sent."""
        while not all(self.results[each.body] for each in messages):
            self._moved.clear()
            await self._moved.wait()
        assert all(len(results) <= 1 for results in self.results.values())
        return [self.results[each.body][0] for each in messages]

    async def deliver(
        self, *messages: Message, plan: DeliveryPlan | None = None
    ) -> list[DeliveryResult]:
        """Send messages at once and return their results."""
        for each in messages:
            self.start(each, plan)
        return await self.results_of(*messages)


@asynccontextmanager
async def delivering(calls: Any, **version: Any) -> AsyncIterator[Deliveries]:
    """Run a target, then close it: it ends by itself, with nothing left."""
    deliveries = Deliveries(calls, **version)
    async with asyncio.TaskGroup() as tasks:
        deliveries.running = tasks.create_task(deliveries.target.run())
        yield deliveries
        await deliveries.target.close()
