"""One route at work: its queue, its versions, and everything that moves between them.

Task tree, all of it under one TaskGroup:

    route NAME -> poll (-> poll more ...), extend leases (-> extend ..., 12 hours),
                  delete ..., release ..., dead letter ...,
                  on FIFO a walk ... for each group, and relieve
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.disposition import whole_seconds
from gateway.core.events import Phase, PhaseChanged, ReceiveFailed
from gateway.ports import RouteView, SourceError
from gateway.runtime.backoff import exponential_backoff
from gateway.runtime.courier import Courier
from gateway.runtime.fifo import Groups
from gateway.runtime.in_flight import Hand
from gateway.runtime.lease_keeper import LeaseKeeper
from gateway.runtime.limiter import Lanes
from gateway.runtime.permits import Permits
from gateway.runtime.poll_budget import ExtraPolls
from gateway.runtime.poller import Poller
from gateway.runtime.settler import Settler
from gateway.runtime.shutdown import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.messages.message import Message
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Observer, Source, Target
    from gateway.runtime.delivery import Delivery
    from gateway.runtime.in_flight import InHand

LINGER_SECONDS: Final = 0.04  # at 100 messages a second a delete has four messages, not one
FIFO_LINGER_SECONDS: Final = 0.0  # the next message of a group waits for the settlement
LEASE_WITHOUT_TIMEOUT_SECONDS: Final = 30
FIRST_BACKOFF_SECONDS: Final = 1.0
LAST_BACKOFF_SECONDS: Final = 30.0
RELIEF_SECONDS: Final = 1.0
STUCK_MARGIN_SECONDS: Final = 60.0


class RunningRoute:
    """Runs a route until stopped; a new routing table may be adopted while it runs."""

    def __init__(
        self,
        route: Route,
        queue: Source,
        make_target: Callable[[Version], Target],
        observer: Observer,
        *,
        extra_polls: ExtraPolls | None = None,
        wall: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.route = route
        self._queue, self._observer, self._random = queue, observer, random
        self._extra_polls = extra_polls or ExtraPolls()
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
            permits=self._permits,
            linger_seconds=FIFO_LINGER_SECONDS if fifo else LINGER_SECONDS,
        )
        self._courier = Courier(
            route=route,
            queue=queue,
            lanes=self._lanes,
            hand=self._hand,
            settler=self._settler,
            observer=observer,
            wall=wall,
            random=random,
        )
        self._groups = Groups(self._settler, self._carry) if fifo else None
        self._walks: set[asyncio.Task[None]] = set()
        self._stop = Stop(
            route=route.name,
            hand=self._hand,
            lanes=self._lanes,
            groups=self._groups,
            courier=self._courier,
            settler=self._settler,
        )
        self.started = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._keeper: LeaseKeeper | None = None
        self._poller: Poller | None = None

    async def run(self) -> None:
        """Resolve the queue, poll and deliver, and drain once stopped."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._settler.start(tasks)
                self._courier.start(tasks)
                lease_seconds = await self._resolved(tasks)
                if lease_seconds is not None:
                    await self._work(tasks, lease_seconds)
        finally:
            self._settler.abandon()
            self._courier.cancel()  # only after a crash is anything left
            self._courier.tell()
            await self._lanes.close()
            await self._queue.close()
        self._enter(Phase.STOPPED)

    def stop(self, drain_seconds: float) -> None:
        """Soft stop: no new receive, deliveries get `drain_seconds`, the rest goes back."""
        if not self._stop.soft.is_set():
            self._enter(Phase.STOPPING, "the gateway is stopping")
            self._stop.begin(drain_seconds)
            if self._poller is not None:
                self._poller.stop()

    def halt(self) -> None:
        """Hard stop: cancel deliveries and polls; release leases if that works within 1 s."""
        self.stop(0)
        self._stop.hard.set()

    def adopt(self, route: Route) -> None:
        """Decide by another routing table from the next message on."""
        self.route = route
        self._permits.resize(route.max_in_flight)
        self._lanes.adopt(route)
        self._courier.adopt(route)

    async def close_retired(self) -> None:
        """Let go of targets that no version uses any more."""
        while self._lanes.retired:
            await self._lanes.retired.pop().close()

    def view(self) -> RouteView:
        """Describe the route as it stands, and have all told that it has come to."""
        self._courier.tell()
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
        await self._stop.until_soft(resolving)
        if self._stop.soft.is_set():
            resolving.cancel()
            return None
        return resolving.result()

    async def _resolve(self) -> int:
        failures = 0
        while True:
            try:
                traits = await self._queue.open()
            except SourceError as error:
                self._enter(Phase.FAILED, f"queue {self.route.queue.text}: {error}")
                failures += 1
                await asyncio.sleep(
                    exponential_backoff(FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS, failures)
                )
            else:
                own = traits.lease_seconds or LEASE_WITHOUT_TIMEOUT_SECONDS
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
        self.started.set()
        keeping = tasks.create_task(self._keeper.run(), name=f"extend leases {name}")
        polling = tasks.create_task(self._poller.run(), name=f"poll {name}")
        relieving = tasks.create_task(self._relieve(), name=f"relieve {name}")
        await self._stop.soft.wait()
        relieving.cancel()
        await self._stop.drain(polling, self._walks)
        await self._stop.flush(tasks, polling)
        keeping.cancel()

    def _new_poller(self, lease_seconds: int) -> Poller:
        return Poller(
            route=self.route.name,
            queue=self._queue,
            permits=self._permits,
            observer=self._observer,
            hand_over=self._hand_over,
            lanes=self._lanes,
            hurry=self._settler.hurry,
            random=self._random,
            extra_polls=self._extra_polls,
            wait_seconds=self.route.wait_seconds,
            lease_seconds=lease_seconds,
        )

    # ---- moving ---------------------------------------------------------------------------

    def _hand_over(self, messages: Sequence[Message], leased_at: float) -> Sequence[int]:
        """Begin the deliveries of one receive; return the sizes of those not in hand yet."""
        if self._keeper is None:
            return ()
        now = self._courier.clock()
        if now >= leased_at + self._keeper.lease_seconds:  # so they are visible again
            why = f"the answer came {now - leased_at:.0f} s late, when its leases had ended"
            self._observer.observe(ReceiveFailed(self.route.name, why))
            return ()
        lease_seconds, due_at = self._keeper.lease_seconds, self._keeper.due_at(now)
        fresh = self._hand.take(messages, leased_at, lease_seconds, due_at)
        self._keeper.catch_up(fresh, now - leased_at)
        if self._stop.soft.is_set():
            for entry in fresh:
                self._stop.came_late(entry)
        elif self._groups is None:
            legs = self._courier.legs
            for entry in fresh:
                entry.begin(legs)
        else:
            for entry in fresh:
                if self._groups.join(entry):
                    self._walk(self._groups, entry)
        return [entry.held_bytes for entry in fresh]

    def _walk(self, groups: Groups, entry: Delivery) -> None:
        if self._tasks is None:
            return
        name = f"walk {entry.message.group} {self.route.name}"
        task = self._tasks.create_task(groups.walk(entry), name=name)
        self._walks.add(task)
        task.add_done_callback(self._walks.discard)

    async def _carry(self, entry: Delivery) -> int | None:
        """Carry one message of a group."""
        if self._stop.soft.is_set():
            self._settler.release(entry, 0)
            return 0
        ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

        def tell(seconds: int | None) -> None:
            if not ended.done():  # else a crash has cancelled who waits for it
                ended.set_result(seconds)

        self._courier.carry(entry, tell)
        return await ended

    async def _relieve(self) -> None:
        """On a FIFO route, keep what waits behind a hanging canary from taking every permit."""
        while self._groups is not None:
            await asyncio.sleep(RELIEF_SECONDS)
            if self._permits.wanted:
                others = {v.name for v in self.route.versions} - {self.route.stable.name}
                pause_seconds = whole_seconds(self.route.retry.min_seconds)
                self._groups.give_back_stalled(others, self._lanes.room.seats, pause_seconds)

    def _give_up(self, entry: Delivery) -> None:
        if entry.under_way:
            entry.cancel()
        elif self._groups is not None:
            self._groups.give_back_behind(entry)

    def _settled(self, entries: Sequence[InHand], confirmed: bool) -> None:  # noqa: FBT001 - a callback's one flag
        held_bytes = 0
        for entry in entries:
            held_bytes += entry.held_bytes
            if entry.settled is not None and not entry.settled.done():
                entry.settled.set_result(confirmed)
        self._permits.give(len(entries), held_bytes)

    def _enter(self, phase: Phase, why: str = "") -> None:
        self.phase = PhaseChanged(self.route.name, phase, why)
        self._observer.observe(self.phase)
