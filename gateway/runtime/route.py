"""One route at work: its queue, its versions, and everything that moves between them.

Task tree, all of it under one TaskGroup:

    route NAME -> poll (-> poll more ...), extend leases (-> extend ...),
                  deliver ... (FIFO: one for each group, and relieve), delete ..., release ...
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from gateway.core.disposition import whole_seconds
from gateway.core.facts import Phase, PhaseChanged, ReceiveFailed
from gateway.ports import QueueError, RouteView
from gateway.runtime.delivery import Courier
from gateway.runtime.groups import Groups
from gateway.runtime.hand import Hand
from gateway.runtime.lanes import Lanes
from gateway.runtime.lease import LeaseKeeper
from gateway.runtime.pauses import doubling
from gateway.runtime.permits import Permits
from gateway.runtime.poller import Poller
from gateway.runtime.settler import Settler

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence

    from gateway.core.message import Message
    from gateway.core.route import Route
    from gateway.core.versions import Version
    from gateway.ports import Observer, Queue, Target
    from gateway.runtime.hand import InHand

LINGER_SECONDS: Final = 0.02
FIFO_LINGER_SECONDS: Final = 0.0  # the next message of a group waits for the settlement
LEASE_WITHOUT_TIMEOUT_SECONDS: Final = 30
FLUSH_SECONDS: Final = 5.0
HALT_SECONDS: Final = 1.0
FIRST_PAUSE_SECONDS: Final = 1.0
LAST_PAUSE_SECONDS: Final = 30.0
RELIEF_SECONDS: Final = 1.0
STUCK_MARGIN_SECONDS: Final = 60.0


class RunningRoute:
    """Runs a route until stopped; a new routing table may be adopted while it runs."""

    def __init__(
        self,
        route: Route,
        queue: Queue,
        make_target: Callable[[Version], Target],
        observer: Observer,
        *,
        wall: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self.route = route
        self._queue, self._observer, self._chance = queue, observer, chance
        self.phase = PhaseChanged(route.name, Phase.STARTING, "its queue is not resolved yet")
        self._permits = Permits(route.max_in_flight)
        self._hand = Hand()
        self._lanes = Lanes(make_target)
        self._lanes.adopt(route)
        fifo = route.queue.fifo
        self._settler = Settler(
            route=route.name,
            queue=queue,
            hand=self._hand,
            observer=observer,
            on_settled=self._settled,
            linger_seconds=FIFO_LINGER_SECONDS if fifo else LINGER_SECONDS,
        )
        self._courier = Courier(
            queue=queue,
            lanes=self._lanes,
            settler=self._settler,
            observer=observer,
            wall=wall,
            chance=chance,
        )
        self._groups = Groups(self._settler, self._carry) if fifo else None
        self._deliveries: set[asyncio.Task[None]] = set()
        self._late: list[InHand] = []  # came in after the stop
        self._polls_ended = False
        self._stopping, self._halted = asyncio.Event(), asyncio.Event()
        self._deadline = 0.0
        self._tasks: asyncio.TaskGroup | None = None
        self._keeper: LeaseKeeper | None = None
        self._poller: Poller | None = None

    async def run(self) -> None:
        """Resolve the queue, poll and deliver, and drain once stopped."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._settler.start(tasks)
                lease_seconds = await self._resolved(tasks)
                if lease_seconds is not None:
                    await self._work(tasks, lease_seconds)
        finally:
            await self._lanes.close()
            await self._queue.close()
        self._enter(Phase.STOPPED)

    def stop(self, drain_seconds: float) -> None:
        """Soft stop: no new receive, deliveries get `drain_seconds`, the rest goes back."""
        if not self._stopping.is_set():
            self._deadline = asyncio.get_running_loop().time() + drain_seconds
            self._enter(Phase.STOPPING, "the gateway is stopping")
            self._stopping.set()
            if self._poller is not None:
                self._poller.stop()

    def halt(self) -> None:
        """Hard stop: cancel deliveries and polls; release leases if that works within 1 s."""
        self.stop(0)
        self._halted.set()

    def adopt(self, route: Route) -> None:
        """Decide by another routing table from the next message on."""
        self.route = route
        self._permits.resize(route.max_in_flight)
        self._lanes.adopt(route)

    async def close_retired(self) -> None:
        """Let go of targets that no version uses any more."""
        while self._lanes.retired:
            await self._lanes.retired.pop().close()

    def view(self) -> RouteView:
        """Describe the route as it stands."""
        return RouteView(
            self.route,
            self.phase,
            len(self._hand),
            self._lanes.in_flight(),
            self._lanes.room.taken,
        )

    @property
    def unready(self) -> str | None:
        """Say why the queue is not polled at the moment; None while it is."""
        if self.phase.phase is not Phase.POLLING:
            return self.phase.why or self.phase.phase.value
        failure = self._poller.failure if self._poller is not None else None
        return f"queue {self.route.queue.text}: {failure}" if failure else None

    def stuck(self, now: float) -> str | None:
        """Say what has not moved for too long: a poll that never came back."""
        poller = self._poller
        if poller is None or self.phase.phase is not Phase.POLLING or not self._permits.free:
            return None
        silent = now - poller.moved_at
        if silent < self.route.wait_seconds + STUCK_MARGIN_SECONDS:
            return None
        return f"route {self.route.name}: no receive has returned for {silent:.0f} s"

    # ---- starting -------------------------------------------------------------------------

    async def _resolved(self, tasks: asyncio.TaskGroup) -> int | None:
        """Return the lease to ask for, in seconds; None when stopped before that was known."""
        resolving = tasks.create_task(self._resolve(), name=f"resolve {self.route.name}")
        await self._until_done({resolving}, self._stopping)
        if self._stopping.is_set():
            resolving.cancel()
            return None
        return resolving.result()

    async def _resolve(self) -> int:
        failures = 0
        while True:
            try:
                facts = await self._queue.resolve()
            except QueueError as error:
                self._enter(Phase.FAILED, f"queue {self.route.queue.text}: {error}")
                failures += 1
                await asyncio.sleep(doubling(FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS, failures))
            else:
                own = facts.visibility_seconds or LEASE_WITHOUT_TIMEOUT_SECONDS
                return self.route.visibility_seconds or own

    async def _work(self, tasks: asyncio.TaskGroup, lease_seconds: int) -> None:
        name = self.route.name
        self._keeper = LeaseKeeper(
            route=name,
            queue=self._queue,
            hand=self._hand,
            observer=self._observer,
            lease_seconds=lease_seconds,
            give_up=self._give_up,
        )
        self._poller = self._new_poller(lease_seconds)
        self._enter(Phase.POLLING)
        keeping = tasks.create_task(self._keeper.run(), name=f"extend leases {name}")
        polling = tasks.create_task(self._poller.run(), name=f"poll {name}")
        relieving = tasks.create_task(self._relieve(), name=f"relieve {name}")
        await self._stopping.wait()
        relieving.cancel()
        await self._drain(polling)
        await self._flush(tasks, polling)
        keeping.cancel()

    def _new_poller(self, lease_seconds: int) -> Poller:
        return Poller(
            route=self.route.name,
            queue=self._queue,
            permits=self._permits,
            observer=self._observer,
            hand_over=self._hand_over,
            lanes=self._lanes,
            chance=self._chance,
            wait_seconds=self.route.wait_seconds,
            lease_seconds=lease_seconds,
        )

    # ---- moving ---------------------------------------------------------------------------

    def _hand_over(self, messages: Sequence[Message], leased_at: float) -> int:
        """Begin the deliveries of one receive; return how many messages were not in hand yet."""
        if self._keeper is None:
            return 0
        now = asyncio.get_running_loop().time()
        if now >= leased_at + self._keeper.lease_seconds:  # so they are visible again
            why = f"the answer came {now - leased_at:.0f} s late, when its leases had ended"
            self._observer.notice(ReceiveFailed(self.route.name, why))
            return 0
        lease_seconds, due_at = self._keeper.lease_seconds, self._keeper.due_at(now)
        fresh = self._hand.take(messages, leased_at, lease_seconds, due_at)
        self._keeper.catch_up(fresh, now - leased_at)
        self._permits.weigh(len(fresh), sum(entry.held_bytes for entry in fresh))
        for entry in fresh:
            if self._stopping.is_set():
                self._came_late(entry)
            elif self._groups is None:
                self._begin(self._deliver(entry), entry)
            elif self._groups.join(entry):
                self._begin(self._groups.walk(entry), entry)
        return len(fresh)

    def _came_late(self, entry: InHand) -> None:
        """Give it back once no poll is under way: a poll of our own would receive it again."""
        if self._polls_ended:
            self._settler.release(entry, 0)
        else:
            self._late.append(entry)

    def _begin(self, work: Coroutine[None, None, None], entry: InHand) -> None:
        if self._tasks is None:
            return
        task = self._tasks.create_task(work, name=f"deliver {entry.message.message_id}")
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, entry: InHand) -> None:
        await self._carry(entry)

    async def _carry(self, entry: InHand) -> int | None:
        if self._stopping.is_set():
            self._settler.release(entry, 0)
            return 0
        return await self._courier.carry(entry, self.route)

    async def _relieve(self) -> None:
        """On a FIFO route, keep what waits behind a hanging canary from taking every permit."""
        while self._groups is not None:
            await asyncio.sleep(RELIEF_SECONDS)
            if self._permits.wanted:
                others = {v.name for v in self.route.versions} - {self.route.stable.name}
                pause_seconds = whole_seconds(self.route.retry.min_seconds)
                self._groups.give_back_stalled(others, self._lanes.room.seats, pause_seconds)

    def _give_up(self, entry: InHand) -> None:
        if entry.carrier is not None:
            entry.carrier.cancel()
        elif self._groups is not None:
            self._groups.give_back_behind(entry)

    def _settled(self, entry: InHand, confirmed: bool) -> None:  # noqa: FBT001 - a callback's one flag
        self._permits.give(1, entry.held_bytes)
        if entry.settled is not None and not entry.settled.done():
            entry.settled.set_result(confirmed)

    # ---- stopping -------------------------------------------------------------------------

    async def _drain(self, polling: asyncio.Task[None]) -> None:
        """Give back what waits, let deliveries end, await the polls."""
        self._lanes.close_room()
        if self._groups is not None:
            self._groups.give_back_waiting()
        polling.add_done_callback(lambda _: self._give_back_late())
        await self._until_done(self._deliveries, self._halted, self._deadline)
        for task in self._deliveries:
            task.cancel()
        await self._until_done({polling}, self._halted)
        self._give_back_late()
        if self._deliveries:
            await asyncio.wait(self._deliveries)

    def _give_back_late(self) -> None:
        self._polls_ended = True
        while self._late:
            self._settler.release(self._late.pop(), 0)

    async def _flush(self, tasks: asyncio.TaskGroup, polling: asyncio.Task[None]) -> None:
        flushing = tasks.create_task(self._let_go(polling), name=f"flush {self.route.name}")
        deadline = max(self._deadline, asyncio.get_running_loop().time() + FLUSH_SECONDS)
        await self._until_done({flushing}, self._halted, deadline)
        if self._halted.is_set():
            await asyncio.wait({flushing}, timeout=HALT_SECONDS)
        polling.cancel()
        if not flushing.done():
            flushing.cancel()
            self._settler.abandon()

    async def _let_go(self, polling: asyncio.Task[None]) -> None:
        """Settle all. After a hard stop a poll is under way still, and SQS may hand it just what
        is being given back: as long as there is time it is awaited, and gives that back too.
        """
        given_back = len(self._hand)
        await self._settler.flush()
        if given_back and not polling.done():
            await asyncio.wait({polling})
            await self._settler.flush()

    async def _until_done(
        self,
        tasks: Collection[asyncio.Task[Any]],
        cut_off: asyncio.Event,
        deadline: float | None = None,
    ) -> None:
        """Wait for the tasks, but not beyond the deadline or the event."""
        loop = asyncio.get_running_loop()
        halted = loop.create_task(cut_off.wait(), name=f"cut off {self.route.name}")
        try:
            while tasks and not halted.done():
                left = None if deadline is None else deadline - loop.time()
                if left is not None and left <= 0:
                    return
                await asyncio.wait(
                    {halted, *tasks}, timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
                tasks = {task for task in tasks if not task.done()}
        finally:
            halted.cancel()

    def _enter(self, phase: Phase, why: str = "") -> None:
        self.phase = PhaseChanged(self.route.name, phase, why)
        self._observer.notice(self.phase)
