"""One route at work: its phases, from opening its source to the last settlement.

Task tree, all of it under one TaskGroup:

    route NAME -> open, then poll (-> poll more ...), extend leases (-> extend ..., 12 hours),
                  watch partitions, dispatch, delete ..., release ..., dead letter ...
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.aiokit.backoff import exponential_backoff
from gateway.core.events import Phase, PhaseChanged
from gateway.ports import RouteView, SourceError
from gateway.runtime.parts import OpenParts, Parts
from gateway.runtime.poll_budget import PollBudget
from gateway.runtime.redrive_warnings import redrive_warnings
from gateway.runtime.shutdown import StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.history import Watch
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Observer, Source, SourceTraits, Target
    from gateway.runtime.rollouts.counting import Counting
    from gateway.runtime.tracing.route import RouteTracing

FIRST_BACKOFF_SECONDS: Final = 1.0
LAST_BACKOFF_SECONDS: Final = 30.0
STUCK_MARGIN_SECONDS: Final = 60.0


def _as_given(route: Route) -> Route:
    """Return the route with the weights that the routing file gives it."""
    return route


def _not_open_yet(route: Route) -> str:
    queue, topic = "its queue is not resolved yet", "its topic is not resolved yet"
    return topic if route.kafka else queue


class RunningRoute:
    """Runs a route until stopped; a new routing table may be adopted while it runs.

    `wall` gives seconds since the epoch, `random` uniform 0..1. Routes share a `poll_budget`.
    Nothing is received while `short` says that the process is short of descriptors. The copies for
    a mirror have a target of their own, by `make_mirror_target` where that is given. `weigh` gives
    a routing table's route the weights that are in force: `given` becomes `route`.
    """

    def __init__(  # noqa: PLR0913 - the doors to all that is outside
        self,
        route: Route,
        source: Source,
        make_target: Callable[[Version], Target],
        observer: Observer,
        *,
        poll_budget: PollBudget | None = None,
        wall: Callable[[], float],
        random: Callable[[], float],
        short: Callable[[], bool] | None = None,
        make_mirror_target: Callable[[Version], Target] | None = None,
        weigh: Callable[[Route], Route] = _as_given,
        tracing: RouteTracing | None = None,
    ) -> None:
        self._weigh = weigh
        self.given = route
        self.route = route = weigh(route)
        self.started = asyncio.Event()
        self.phase = PhaseChanged(route.name, Phase.STARTING, _not_open_yet(route))
        self.traits: SourceTraits | None = None  # once the source was open
        self._admitted = asyncio.Event()
        self._admitted.set()
        self._warned: set[object] = set()
        self._poll_budget = poll_budget or PollBudget()
        self._stop = StopRequest()
        self._parts = Parts(
            route,
            source,
            make_target,
            observer,
            wall=wall,
            random=random,
            short=short,
            make_mirror_target=make_mirror_target,
            tracing=tracing,
        )
        self._open_parts: OpenParts | None = None

    async def run(self, on_open: Callable[[], None] = lambda: None) -> None:
        """Open the source, poll and deliver, and drain once stopped.

        `on_open` is called once the traits are known; it may :meth:`bar` the route.
        """
        parts = self._parts
        try:
            async with asyncio.TaskGroup() as tasks:
                parts.reporter.start()
                parts.settler.start(tasks)
                parts.counting.start()
                parts.deliverer.start()
                traits = await self._opened(tasks, on_open)
                if traits is not None:
                    await self._work(tasks, traits)
        finally:
            parts.settler.abandon()
            parts.deliverer.cancel_all()  # only after a crash is anything left
            parts.mirroring.cancel_all()
            parts.counting.close()
            parts.reporter.flush()
            await parts.limiters.close()
            await parts.mirroring.close()
            await parts.source.close()
        self._enter(PhaseChanged(self.route.name, Phase.STOPPED))

    def stop(self, drain_seconds: float) -> None:
        """Soft stop: no new receive, deliveries get `drain_seconds`, the rest goes back."""
        if self._stop.soft.is_set():
            return
        self._enter(PhaseChanged(self.route.name, Phase.STOPPING, "the gateway is stopping"))
        self._stop.begin(drain_seconds)
        self._admitted.set()
        self._parts.mirroring.stop()
        if self._open_parts is not None and self._parts.log is None:
            self._open_parts.shutdown.begin()

    def bar(self, why: str, what_to_do: str, *, failed: bool = True) -> bool:
        """Do not poll until :meth:`admit`; return False where polls have begun already.

        Not `failed`: it is still starting.
        """
        if self._open_parts is not None:
            return False
        if self._stop.soft.is_set():
            return True
        self._admitted.clear()
        phase = Phase.FAILED if failed else Phase.STARTING
        barred = PhaseChanged(self.route.name, phase, why, what_to_do)
        if self.phase != barred:
            self._enter(barred)
        return True

    def admit(self) -> None:
        """Poll, if the source is open."""
        self._admitted.set()

    def halt(self) -> None:
        """Hard stop: cancel deliveries and polls; release leases if that works within 1 s."""
        self.stop(0)
        self._stop.hard.set()

    def adopt(self, route: Route) -> None:
        """Decide by another routing table from the next message on."""
        self.given = route
        self._decide_by(self._weigh(route))

    def weigh_anew(self) -> bool:
        """Decide by the weights in force from the next message on; return whether they differ."""
        route = self._weigh(self.given)
        if route == self.route:
            return False
        self._decide_by(route)
        return True

    def _decide_by(self, route: Route) -> None:
        self.route = route
        self._parts.route_limit.adopt(route)
        self._parts.limiters.adopt(route)
        self._parts.mirroring.adopt(route)
        self._parts.counting.adopt(route)
        self._parts.deliverer.adopt(route)
        if self._parts.tracing is not None:
            self._parts.tracing.adopt(route)
        self._warn()
        if self._open_parts is not None and not self._stop.soft.is_set():
            self._open_parts.linger(route)
            self._parts.decide_anew()

    def watch(self, watch: Watch | None) -> None:
        """Give every decision to `watch` from the next message on; None: to nothing."""
        self._parts.deliverer.watch = watch

    async def close_retired(self) -> None:
        """Close the targets that no version uses any more."""
        await self._parts.limiters.close_retired()
        await self._parts.mirroring.close_retired()

    def view(self) -> RouteView:
        """Describe the route as it stands, after its counts were emitted."""
        parts = self._parts
        parts.reporter.flush()
        return RouteView(
            self.route,
            self.phase,
            len(parts.in_flight),
            parts.limiters.in_flight(),
            parts.limiters.wait_queue.waiting,
            parts.permits.limit,
            parts.limiters.limits(),
            None if self.traits is None else self.traits.redrive,
            None if parts.log is None else parts.log.partitions(),
            0 if parts.log is None else parts.log.rebalances,
        )

    @property
    def counting(self) -> Counting:
        """The evidence of its canary."""
        return self._parts.counting

    @property
    def unready(self) -> str | None:
        """Say why the queue is not polled at the moment; None while it is."""
        if self.phase.phase is not Phase.POLLING:
            return self.phase.why or self.phase.phase.value
        failure = self._open_parts.poller.failure if self._open_parts is not None else None
        return f"{self.route.queue.called}: {failure}" if failure else None

    def stuck(self, now: float) -> str | None:
        """Say what has not moved for too long: a poll that never came back."""
        opened = self._open_parts
        if opened is None or self.phase.phase is not Phase.POLLING or not self._parts.permits.free:
            return None
        silent = now - opened.poller.moved_at
        if silent < self.route.wait_seconds + STUCK_MARGIN_SECONDS:
            return None
        return f"route {self.route.name}: no receive has returned for {silent:.0f} s"

    async def _opened(
        self, tasks: asyncio.TaskGroup, on_open: Callable[[], None]
    ) -> SourceTraits | None:
        """Return the source's traits once it may be polled; None when stopped before."""
        opening = tasks.create_task(self._open(on_open), name=f"open {self.route.name}")
        stopped = tasks.create_task(self._stop.soft.wait(), name=f"stop {self.route.name}")
        await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if self._stop.soft.is_set():
            opening.cancel()
            return None
        # Not in the task: from its end until here another route may still bar this one.
        while not self._admitted.is_set():
            await self._admitted.wait()
        return None if self._stop.soft.is_set() else opening.result()

    async def _open(self, on_open: Callable[[], None]) -> SourceTraits:
        traits = self.traits = await self._open_source()
        self._warn()
        on_open()
        return traits

    def _warn(self) -> None:
        """Emit each warning once."""
        if self.traits is None:
            return
        for warning in redrive_warnings(self.route, self.traits.redrive):
            if warning not in self._warned:
                self._warned.add(warning)
                self._parts.reporter.emit(warning)

    async def _open_source(self) -> SourceTraits:
        failures = 0
        while True:
            try:
                return await self._parts.traced_source.open()
            except SourceError as error:
                why = f"{self.route.queue.called}: {error}"
                self._enter(PhaseChanged(self.route.name, Phase.FAILED, why, error.what_to_do))
                failures += 1
                await asyncio.sleep(
                    exponential_backoff(FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS, failures)
                )

    async def _work(self, tasks: asyncio.TaskGroup, traits: SourceTraits) -> None:
        name, parts = self.route.name, self._parts
        self._open_parts = opened = OpenParts(
            parts, self.route, traits, self._poll_budget, self._stop
        )
        self._enter(PhaseChanged(name, Phase.POLLING))
        self.started.set()
        keeping = tasks.create_task(opened.lease_keeper.run(), name=f"extend leases {name}")
        polling = tasks.create_task(opened.poller.run(), name=f"poll {name}")
        dispatching = tasks.create_task(self._parts.dispatcher.run(), name=f"dispatch {name}")
        watching = tasks.create_task(opened.watch_partitions(), name=f"watch {name}")
        await self._stop.soft.wait()
        watching.cancel()
        if self._parts.log is not None:
            await opened.shutdown.finish(tasks, self._parts.log)
        dispatching.cancel()
        await opened.shutdown.run(tasks, polling)
        keeping.cancel()
        await self._parts.mirroring.finish(self._stop)

    def _enter(self, phase: PhaseChanged) -> None:
        self.phase = phase
        self._parts.reporter.emit(phase)
