"""One RunningRoute among fakes: started, stopped, and held to leaving nothing running."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from gateway.core.events import Phase
from gateway.runtime.running_route import RunningRoute
from tests.fakes.bell import Bell
from tests.fakes.faults import Operation
from tests.fakes.observer import FakeObserver
from tests.fakes.source import InMemorySource
from tests.fakes.target import FakeTarget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.runtime.poll_budget import PollBudget
    from gateway.runtime.tracing.route import RouteTracing
    from tests.fakes.log import InMemoryLog

    AnySource = InMemorySource | InMemoryLog

DRAIN_SECONDS = 25.0
PATIENCE_SECONDS = 24 * 3600.0
"""Virtual: a test that waits for what never comes fails instead of hanging."""


class Rig:
    """A route, its queue, the targets of its versions, and what its observer heard.

    `chance` is the roll of the dice for backoff: 0.0 gives `retry.min` every time.
    """

    def __init__(
        self,
        route: Route,
        queue: AnySource | None = None,
        poll_budget: PollBudget | None = None,
        **doors: Any,
    ) -> None:
        self.queue: Any = queue or InMemorySource(route.queue.name)
        self.bell = self.queue.bell
        self.observer = FakeObserver(self.bell)
        self.targets: list[tuple[Version, FakeTarget]] = []
        self.mirrors: list[FakeTarget] = []
        self.random = 0.0
        self.short = False
        self.running = RunningRoute(
            route,
            self.queue,
            self._make_target,
            self.observer,
            poll_budget=poll_budget,
            wall=lambda: self.now,
            random=lambda: self.random,
            short=lambda: self.short,
            make_mirror_target=self._make_mirror,
            **doors,
        )
        self.task: asyncio.Task[None] | None = None

    @property
    def now(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    @property
    def stable(self) -> FakeTarget:
        """The stable version's target."""
        return self.target(self.running.route.stable.name)

    @property
    def mirror(self) -> FakeTarget:
        """The target that the route's mirror uses now."""
        return self.mirrors[-1]

    @property
    def canary(self) -> FakeTarget:
        """The target of the version called canary."""
        return self.target("canary")

    def target(self, version: str) -> FakeTarget:
        """Return the newest target of a version."""
        return next(target for made, target in reversed(self.targets) if made.name == version)

    def start(self) -> None:
        """Run the route."""
        self.task = asyncio.create_task(self.running.run(), name="route under test")

    async def polling(self) -> None:
        """Return once the first receive has begun."""
        await self.until(lambda: self.queue.calls_of(Operation.RECEIVE))

    async def until(self, holds: Callable[[], object]) -> None:
        """Return as soon as `holds()` is true; fail where the route has ended without that."""
        while not holds():
            assert self.task is not None
            if self.task.done():
                self.task.result()
                raise AssertionError("the route has ended")
            ring = self.bell.next_ring()
            await asyncio.wait({ring, self.task}, return_when=asyncio.FIRST_COMPLETED)
            ring.cancel()

    async def empty(self) -> None:
        """Return once every message is deleted or moved and nothing is in hand."""
        await self.until(lambda: not self.queue.left and not self.running.view().in_flight)

    async def rest(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    async def stop(self, drain_seconds: float = DRAIN_SECONDS) -> float:
        """Stop softly; return how long that took."""
        began = self.now
        self.running.stop(drain_seconds)
        await self.ended()
        return self.now - began

    async def ended(self) -> None:
        """Return once the route has ended; raises what it raised."""
        assert self.task is not None
        await self.task
        assert self.running.phase.phase is Phase.STOPPED

    def _make_target(self, version: Version) -> FakeTarget:
        target = FakeTarget(self.bell)
        self.targets.append((version, target))
        return target

    def _make_mirror(self, version: Version) -> FakeTarget:
        self.mirrors.append(FakeTarget(self.bell))
        return self.mirrors[-1]


@asynccontextmanager
async def at_work(
    route: Route,
    queue: AnySource | None = None,
    *,
    started: bool = True,
    poll_budget: PollBudget | None = None,
    tracing: RouteTracing | None = None,
    **queue_traits: Any,
) -> AsyncIterator[Rig]:
    """Run a route for the length of a block, then stop it; nothing may be left running.

    `queue_traits` make the queue where none is given.
    """
    others = asyncio.all_tasks()
    source = queue or InMemorySource(route.queue.name, **queue_traits)
    rig = Rig(route, source, poll_budget, tracing=tracing)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            if started:
                rig.start()
                await rig.polling()
            yield rig
            if rig.task is not None and not rig.task.done():
                await rig.stop()
    finally:
        if rig.task is not None:
            await _ended(rig.task)
    await _none_left(others, rig)


async def _none_left(others: set[asyncio.Task[Any]], rig: Rig) -> None:
    await asyncio.sleep(0)  # a task that was cancelled last may still have a step to go
    left = asyncio.all_tasks() - others
    assert not left, f"still running: {sorted(task.get_name() for task in left)}"
    if rig.task is not None:
        assert rig.queue.closed
        assert all(target.closed for _, target in rig.targets)
        assert all(target.closed for target in rig.mirrors)


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


__all__ = ["Bell", "Rig", "at_work"]
