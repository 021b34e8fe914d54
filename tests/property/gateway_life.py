"""How a gateway process of the state machines ends: softly, hard, or by a sudden death."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gateway.core.events import Phase
from gateway.runtime.running_route import RunningRoute
from tests.fakes.observer import FakeObserver

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Source
    from tests.fakes.bell import Bell
    from tests.fakes.target import FakeTarget


class GatewayLife:
    """One gateway process, which :meth:`begin` starts."""

    running: RunningRoute
    task: asyncio.Task[Any]

    def __init__(self, name: str) -> None:
        self.name, self.stopping, self.killed = name, False, False

    def begin(
        self, route: Route, source: Source, make: Callable[[Version], FakeTarget], bell: Bell
    ) -> None:
        """Start it."""
        loop = asyncio.get_running_loop()
        observer = FakeObserver(bell)
        self.running = RunningRoute(
            route, source, make, observer, wall=loop.time, random=lambda: 0.0
        )
        self.task = loop.create_task(self.running.run(), name=self.name)

    def fall_silent(self) -> None:
        """Have nothing heard that it still wants to say."""
        raise NotImplementedError

    def stop(self, drain_seconds: float) -> None:
        """Soft stop."""
        self.stopping = True
        self.running.stop(drain_seconds)

    def halt(self) -> None:
        """Hard stop."""
        self.stopping = True
        self.running.halt()

    async def kill(self) -> None:
        """Sudden death: nothing that it still wants to say is heard."""
        self.stopping = self.killed = True
        self.fall_silent()
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    @property
    def wrong(self) -> str:
        """Say what is wrong about how it ended, if it has."""
        if not self.task.done() or self.killed:
            return ""
        if self.task.exception():
            return f"{self.name} crashed: {self.task.exception()!r}"
        if not self.stopping or self.running.phase.phase is not Phase.STOPPED:
            return f"{self.name} has ended by itself"
        return ""
