"""The parts of one running route, joined: who gets which other part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.events import RouteWarned
from gateway.core.kafka.release_cause import ReleaseCause
from gateway.log_port import LogSource
from gateway.ports import Ordering
from gateway.runtime.delivery import Deliverer
from gateway.runtime.dispatch import Intake, LateDispatcher, StandardDispatcher
from gateway.runtime.fifo import GroupDispatcher
from gateway.runtime.in_flight import InFlight, State
from gateway.runtime.lease_keeper import LeaseKeeper
from gateway.runtime.limiter import Limiters
from gateway.runtime.mirror import Mirroring
from gateway.runtime.partition_watching import watch_partitions
from gateway.runtime.permits import Permits
from gateway.runtime.poller import Poller
from gateway.runtime.reporter import Reporter
from gateway.runtime.rollouts.counting import Counting
from gateway.runtime.route_limit import RouteLimit
from gateway.runtime.settler import NO_LINGER_SECONDS, Settler
from gateway.runtime.shutdown import Shutdown
from gateway.runtime.tracing.source import traced_source
from gateway.runtime.tracing.target import traced_targets

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.messages.message import Message
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Observer, Source, SourceTraits, Target
    from gateway.runtime.dispatch import Dispatcher
    from gateway.runtime.in_flight import InFlightMessage
    from gateway.runtime.poll_budget import PollBudget
    from gateway.runtime.shutdown import StopRequest
    from gateway.runtime.tracing.route import RouteTracing

GROUPLESS: Final = (
    "messages of this FIFO queue come without MessageGroupId, so their order is not kept",
    "use an SQS, or an emulator of it, that returns system attributes",
)
LEASE_WITHOUT_TIMEOUT_SECONDS: Final = 30
IN_MEMORY_WAIT_SECONDS: Final = 1
"""How long a receive waits that costs nothing: a stop awaits it."""


class Parts:
    """What exists from the start: enough to report, and to hold and settle messages."""

    def __init__(
        self,
        route: Route,
        source: Source,
        make_target: Callable[[Version], Target],
        observer: Observer,
        *,
        wall: Callable[[], float],
        random: Callable[[], float],
        short: Callable[[], bool] | None = None,
        make_mirror_target: Callable[[Version], Target] | None = None,
        tracing: RouteTracing | None = None,
    ) -> None:
        self.source = source
        self.tracing = tracing
        self.traced_source = source if tracing is None else traced_source(source, tracing)
        self.log = self.traced_source if isinstance(self.traced_source, LogSource) else None
        self.short = short
        self.random = random
        self.permits = Permits(route.max_in_flight)
        self.in_flight = InFlight()
        self.limiters = Limiters(
            route, make_target if tracing is None else traced_targets(make_target, tracing)
        )
        self.route_limit = RouteLimit(route, self.permits, self.limiters.wait_queue)
        self.reporter = Reporter(route.name, observer, wall)
        self.mirroring = Mirroring(route, make_mirror_target or make_target, self.reporter, short)
        self.counting = Counting(route, self.in_flight)
        self.settler = Settler(
            route=route.name,
            source=self.traced_source,
            reporter=self.reporter,
            permits=self.permits,
            in_flight=self.in_flight,
            log=self.log,
        )
        self.deliverer = Deliverer(
            route=route,
            limiters=self.limiters,
            with_copies=self.mirroring.wrap,
            recorders=lambda: self.counting.recorders,
            in_flight=self.in_flight,
            settler=self.settler,
            reporter=self.reporter,
            random=random,
        )
        self.dispatcher: Dispatcher = StandardDispatcher(self.deliverer)
        if self.log is not None:
            self.log.on_lost(self._drop_waiting)
            self.log.on_behind(self._drop_waiting_elsewhere)
        self._groupless = RouteWarned(route.name, *GROUPLESS)
        self._warned = False

    def decide_anew(self) -> None:
        """Have what waits decided by the routing table now in force, where the source is a log.

        In a log it holds up what follows, and a version that hangs may let it wait for many of its
        timeouts. A message of a queue keeps to the table that it was decided by.
        """
        if self.log is not None:
            self._drop_waiting(lambda _: True)

    def _drop_waiting(self, lost: Callable[[Message], bool]) -> None:
        """Give those messages back at once whose delivery has not begun, of those in the test."""
        self._give_back(lambda entry: lost(entry.message))

    def _drop_waiting_elsewhere(self, behind: Callable[[Message], bool]) -> None:
        """Give those in the test back that wait for another version than stable."""
        self._give_back(
            lambda entry: entry.plan is not None and entry.plan.elsewhere and behind(entry.message)
        )

    def _give_back(self, wanted: Callable[[InFlightMessage], bool]) -> None:
        """Give back what waits and is wanted: first what waits for a slot, or it would get one."""
        found = [each for each in self.in_flight.under_way() if _waits(each) and wanted(each)]
        for entry in sorted(found, key=lambda each: each.state is State.DELIVERING):
            self.deliverer.cancel(entry, ReleaseCause.WAITED)

    def warn_of_groupless(self) -> None:
        """Say once that a FIFO queue gives messages without a group."""
        if not self._warned:
            self._warned = True
            self.reporter.emit(self._groupless)


class OpenParts:
    """What exists once the source is open and its traits are known: enough to receive."""

    def __init__(
        self,
        parts: Parts,
        route: Route,
        traits: SourceTraits,
        poll_budget: PollBudget,
        stop: StopRequest,
    ) -> None:
        ordered = traits.ordering is not Ordering.NONE
        parts.settler.opened(traits)
        if ordered:
            parts.dispatcher = GroupDispatcher(
                parts.deliverer,
                parts.settler,
                parts.permits,
                parts.limiters.wait_queue,
                parts.warn_of_groupless,
            )
        own_seconds = traits.lease_seconds or LEASE_WITHOUT_TIMEOUT_SECONDS
        self.lease_keeper = LeaseKeeper(
            route=route.name,
            source=parts.source,
            traits=traits,
            lease_seconds=route.visibility_seconds or own_seconds,
            in_flight=parts.in_flight,
            reporter=parts.reporter,
            give_up=parts.dispatcher.give_up,
        )
        late = LateDispatcher(parts.settler)
        self.intake = Intake(
            route=route.name,
            in_flight=parts.in_flight,
            lease_keeper=self.lease_keeper,
            dispatcher=parts.dispatcher,
            late=late,
            reporter=parts.reporter,
        )
        self.poller = Poller(
            route=route.name,
            source=parts.traced_source,
            batch=traits.batch,
            wait_seconds=IN_MEMORY_WAIT_SECONDS if traits.in_memory else route.wait_seconds,
            lease_seconds=self.lease_keeper.lease_seconds,
            permits=parts.permits,
            limiters=parts.limiters,
            route_limit=parts.route_limit,
            poll_budget=None if traits.in_memory else poll_budget,
            intake=self.intake,
            settler=parts.settler,
            reporter=parts.reporter,
            random=parts.random,
            short=parts.short,
        )
        self._log, self._kafka, self._route = parts.log, route.kafka, route.name
        self._emit = parts.reporter.emit
        self._settler = parts.settler
        self._in_memory = traits.in_memory
        self._lingers = not (ordered or traits.in_memory)
        self.linger(route)
        self.shutdown = Shutdown(
            stop=stop,
            poller=self.poller,
            intake=self.intake,
            dispatcher=parts.dispatcher,
            late=late,
            limiters=parts.limiters,
            deliverer=parts.deliverer,
            settler=parts.settler,
            in_flight=parts.in_flight,
        )

    async def watch_partitions(self) -> None:
        """Warn of partitions of a log that do not get on, until cancelled."""
        if self._log is not None and self._kafka is not None:
            name, emit, poller = self._route, self._emit, self.poller
            await watch_partitions(name, self._kafka, self._log, lambda: poller.failure, emit)

    def linger(self, route: Route) -> None:
        """Let calls wait for more messages as long as the route says and the lease allows."""
        linger = route.linger.within(self.lease_keeper.lease_seconds)
        self._settler.linger(linger.delete_seconds if self._lingers else NO_LINGER_SECONDS)
        self.poller.linger_seconds = (
            NO_LINGER_SECONDS if self._in_memory else linger.receive_seconds
        )


def _waits(entry: InFlightMessage) -> bool:
    """Whether nothing of its delivery was sent: it waits for a slot, or for a connection."""
    if entry.state is not State.DELIVERING:
        return entry.state is State.WAITING
    return entry.waits_for is not None and not entry.waits_for.begun
