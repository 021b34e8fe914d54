"""A route among fakes whose canary is judged: the real driver over a store."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from gateway.adapters.state.memory import MemoryStore
from gateway.config.loader import load
from gateway.core.delivery.disposition import Responded
from gateway.core.events import RolloutChanged
from gateway.runtime.rollouts.driver import RolloutDriver
from gateway.runtime.rollouts.requests import RolloutRequests
from tests.fakes.rig import Rig, _none_left
from tests.fakes.source import InMemorySource
from tests.fakes.threads import hold_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from gateway.core.routing.route import Route
    from gateway.rollout_port import RolloutView
    from gateway.runtime.running_route import RunningRoute
    from gateway.state_port import StateStore
    from tests.fakes.log import InMemoryLog


def route_of(keys: str, queue: str = "orders", versions: Sequence[str] = ("canary",)) -> Route:
    """Return the route `orders` of a routing file, with these keys, and versions beside stable."""
    numbered = enumerate(versions, start=1)
    others = "".join(f", {name}: {{url: http://b{n}/, tag: v{n + 1}}}" for n, name in numbered)
    text = f"""
routes:
- name: orders
  queue: {queue}
  versions: {{stable: {{url: http://b/, tag: v1}}{others}}}
  retry: {{min: 1s, max: 1s}}
  {keys}
"""
    (route,) = load(text.encode(), "routes.yaml").routes
    return route


class Judged:
    """One replica: a route at work, and the driver that judges it."""

    def __init__(
        self, route: Route, store: StateStore | None, queue: InMemorySource | InMemoryLog
    ) -> None:
        self.store = MemoryStore() if store is None else store
        self.routes: list[RunningRoute] = []
        loop = asyncio.get_running_loop()
        self.driver = RolloutDriver(self.store, self, self, wall=lambda: 1_000_000 + loop.time())
        self.requests = RolloutRequests(self.driver, wall=lambda: 1_000_000 + loop.time())
        self.rig = Rig(route, queue, weigh=self.driver.weigh)
        self.routes.append(self.rig.running)
        self.task: asyncio.Task[None] | None = None

    def in_force(self) -> Sequence[RunningRoute]:
        """Return the routes of the table in force."""
        return self.routes

    def observe(self, event: Any) -> None:
        """Remember an event of the driver's beside those of the route."""
        self.rig.observer.observe(event)

    @property
    def changes(self) -> list[RolloutChanged]:
        """What was told of the rollout, in order."""
        return self.rig.observer.of(RolloutChanged)

    @property
    def view(self) -> RolloutView:
        """The rollout of the route."""
        return self.requests.view("orders")

    @property
    def weight(self) -> float:
        """The canary's weight in force, in per cent."""
        return self.view.weights.get("canary", 0.0)

    async def until(self, holds: Callable[[], object]) -> None:
        """Return once it holds; fail where the driver has ended."""
        while not holds():
            assert self.task is not None
            assert not self.task.done(), self.task
            await asyncio.sleep(0.05)

    async def load(self, seconds: int, *, rate: int = 50, failing: int = 0) -> None:
        """Send messages for a time; the canary fails each `failing`th of its own (0: none)."""
        for _ in range(seconds * 10):
            for sent in self.rig.queue.send_many(rate // 10):
                if failing and hash(sent) % failing == 0:
                    self.rig.canary.answer(sent, Responded(500))
            await self.rig.rest(0.1)


@asynccontextmanager
async def judged(
    route: Route,
    store: StateStore | None = None,
    *,
    drive: bool = True,
    queue: InMemoryLog | None = None,
    **traits: Any,
) -> AsyncIterator[Judged]:
    """Run a route and its driver for the length of a block; nothing may be left running.

    `traits` make the queue where none is given.
    """
    hold_loop()
    others = asyncio.all_tasks()
    one = Judged(route, store, queue or InMemorySource(route.queue.name, **traits))
    try:
        async with asyncio.timeout(48 * 3600):
            if drive:
                one.task = asyncio.create_task(one.driver.run(), name="rollouts under test")
            one.rig.start()
            await one.rig.polling()
            yield one
            await one.rig.stop()
    finally:
        for task in (one.task, one.rig.task):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
    await _none_left(others, one.rig)
