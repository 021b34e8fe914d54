"""The two-stage stop of a route, step by step.

The steps are those of docs/explanation/guarantees.md, "Stopping, step by step".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.aiokit.waiting import wait_until_done

if TYPE_CHECKING:
    from gateway.log_port import LogSource
    from gateway.runtime.delivery import Deliverer
    from gateway.runtime.dispatch import Dispatcher, Intake, LateDispatcher
    from gateway.runtime.in_flight import InFlight
    from gateway.runtime.limiter import Limiters
    from gateway.runtime.poller import Poller
    from gateway.runtime.settler import Settler

FLUSH_SECONDS: Final = 5.0
HALT_SECONDS: Final = 1.0


class StopRequest:
    """What was asked for: `soft` is set by the first stop, `hard` by the second.

    `deadline` is when deliveries are cancelled, on the loop's clock.
    """

    def __init__(self) -> None:
        self.soft = asyncio.Event()
        self.hard = asyncio.Event()
        self.deadline = 0.0

    def begin(self, drain_seconds: float) -> None:
        """Stop softly; deliveries get so long."""
        self.deadline = asyncio.get_running_loop().time() + drain_seconds
        self.soft.set()


class Shutdown:
    """Stops one route: `begin` at the request, then `run` until nothing is left."""

    def __init__(
        self,
        *,
        stop: StopRequest,
        poller: Poller,
        intake: Intake,
        dispatcher: Dispatcher,
        late: LateDispatcher,
        limiters: Limiters,
        deliverer: Deliverer,
        settler: Settler,
        in_flight: InFlight,
    ) -> None:
        self._stop = stop
        self._poller = poller
        self._intake = intake
        self._dispatcher = dispatcher
        self._late = late
        self._limiters = limiters
        self._deliverer = deliverer
        self._settler = settler
        self._in_flight = in_flight

    def begin(self) -> None:
        """Take steps 1 and 2, in the very moment of the request."""
        self._poller.stop()
        self._intake.stop()
        self._limiters.close_wait_queue()
        self._dispatcher.release_waiting()

    async def finish(self, tasks: asyncio.TaskGroup, log: LogSource) -> None:
        """Deliver on, until the deadline, what a log needs to commit what it has settled; begin."""
        finishing = tasks.create_task(log.finish(), name="finish the log")
        await wait_until_done({finishing}, self._stop.hard, self._stop.deadline)
        finishing.cancel()
        self.begin()

    async def run(self, tasks: asyncio.TaskGroup, polling: asyncio.Task[None]) -> None:
        """Take steps 3 to 7; `polling` ends when the last long poll has returned."""
        await self._await_deliveries(tasks, polling)
        self._deliverer.cancel_all()
        await wait_until_done({polling}, self._stop.hard)
        self._late.release()
        await self._flush(tasks, polling)

    async def _await_deliveries(
        self, tasks: asyncio.TaskGroup, polling: asyncio.Task[None]
    ) -> None:
        """Step 3, until the deadline; step 6 as soon as the polls have returned."""
        polling.add_done_callback(lambda _: self._late.release())
        idle = tasks.create_task(self._deliverer.idle(), name="await deliveries")
        await wait_until_done({idle}, self._stop.hard, self._stop.deadline)
        idle.cancel()

    async def _flush(self, tasks: asyncio.TaskGroup, polling: asyncio.Task[None]) -> None:
        """Step 7: settle all, for what is left of the drain and at least a few seconds."""
        flushing = tasks.create_task(self._settle_all(polling), name="flush")
        earliest = asyncio.get_running_loop().time() + FLUSH_SECONDS
        await wait_until_done({flushing}, self._stop.hard, max(self._stop.deadline, earliest))
        if self._stop.hard.is_set():
            await asyncio.wait({flushing}, timeout=HALT_SECONDS)
        polling.cancel()
        if not flushing.done():
            flushing.cancel()
            self._settler.abandon()

    async def _settle_all(self, polling: asyncio.Task[None]) -> None:
        """Settle all. After a hard stop a poll is still under way, and SQS may give it what is
        being released: as long as there is time it is awaited, and its messages released too.
        """
        released = len(self._in_flight)
        await self._settler.flush()
        if released and not polling.done():
            await asyncio.wait({polling})
            await self._settler.flush()
