"""What the runtime needs of the outside world, in the gateway's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Never, Protocol

from gateway.core.history import Histories, Watchable
from gateway.core.sqs_limits import MAX_BATCH_ENTRIES, MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.events import Event, Outcome, PhaseChanged, Reloaded, ReloadFailed
    from gateway.core.kafka.partition_view import PartitionView
    from gateway.core.messages.message import Message
    from gateway.core.messages.trace_context import TraceContext
    from gateway.core.routing.route import Route, RoutingTable
    from gateway.core.tracing.sampling import Sampler
    from gateway.core.tracing.spans import Span


class SourceError(Exception):
    """A call to the source failed; `str()` of it is a sentence for the operator.

    `code` is the system's own error code (SQS's), or a short name where no response came.
    `what_to_do` is advice that the sentence ends with, empty where there is none; `why` is the
    sentence without it.
    """

    def __init__(self, why: str, code: str = "", what_to_do: str = "") -> None:
        super().__init__(f"{why} ({what_to_do})" if what_to_do else why)
        self.why = why
        self.code = code
        self.what_to_do = what_to_do


class Ordering(Enum):
    """Which messages of a source must be delivered one after the other."""

    NONE = auto()
    GROUP = auto()


@dataclass(frozen=True, slots=True)
class Redrive:
    """SQS moves a message to this queue (its name) after `max_receives` receives."""

    queue: str
    max_receives: int


@dataclass(frozen=True, slots=True)
class SourceTraits:
    """What a source says of itself once it is open.

    `lease_seconds` is how long a received message stays invisible by default, 0 where the source
    has no default. `max_delay_seconds` is the longest that one message may be held, all extensions
    included. `batch` is the most messages of one receive or one settlement. `redrive` None: SQS
    moves no message. Sources of the same `identity` are one source, however they are addressed;
    empty: not known. `dead_letters` are the identities of where its messages go that are never
    acked. `in_memory`: its calls cost nothing, so none lingers and there is one receive at a time.
    """

    url: str
    lease_seconds: int
    ordering: Ordering = Ordering.NONE
    max_delay_seconds: int = MAX_VISIBILITY_SECONDS
    batch: int = MAX_BATCH_ENTRIES
    redrive: Redrive | None = None
    identity: str = ""
    dead_letters: frozenset[str] = frozenset()
    in_memory: bool = False


@dataclass(frozen=True, slots=True)
class EntryError:
    """Why one entry of a batch failed; `lease_lost` means that trying again is of no use."""

    code: str
    why: str
    lease_lost: bool = False
    sender_fault: bool = False  # by what SQS says, the entry itself is wrong


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A received message that cannot be used; `message_id` is empty where even that is missing."""

    message_id: str
    why: str


class Batch(list["Message"]):
    """The messages of one receive, and those beside them that cannot be read.

    The source has leased the unreadable ones too; their leases are not extended.
    """

    unreadable: Sequence[Unreadable] = ()


class Source(Protocol):
    """Where messages come from: one SQS queue, with the dead-letter queue beside it if any.

    Every method may raise SourceError.
    """

    async def open(self) -> SourceTraits:
        """Find the source (and where dead letters go) and read its traits."""

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        """Wait up to `wait_seconds` for 1..`limit` messages; an empty batch when none came."""

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """Remove 1..`batch` messages for good; returns the failed ones by position."""

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """Set leases: (receipt, whole seconds from now; 0 releases); returns the failed ones."""

    async def dead_letter(self, message: Message, attributes: Mapping[str, str]) -> tuple[str, ...]:
        """Send a copy with these attributes added; returns once it is confirmed.

        Returns the names of the message's own attributes that had to be left out.
        """

    async def close(self) -> None:
        """Close the connections that it owns."""


class Sending(Protocol):
    """A delivery that is under way at a target."""

    @property
    def begun(self) -> bool:
        """Whether something of it may have been sent, and not only a connection is waited for."""

    def cancel(self) -> None:
        """Give up: its connection is closed, and `done` is not called."""


class Sender(Protocol):
    """Delivers the messages of one plan."""

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """Deliver once, within the plan's timeout.

        `done` is called once with the result, later than this returns; not at all once cancelled.
        Every outcome is a result, not an error. A task for each would cost too much (ADR 8).
        """


class ContextSender(Sender, Protocol):
    """A Sender that can deliver in another trace context than the message came with."""

    def send_in(
        self, message: Message, context: TraceContext, done: Callable[[DeliveryResult], None]
    ) -> Sending:
        """Deliver once, as `send` does."""


class Target(Protocol):
    """Where one version of a service gets its messages."""

    def bind(self, plan: DeliveryPlan) -> ContextSender:
        """Render once what the messages of a plan share."""

    async def close(self) -> None:
        """Close the idle connections; a delivery that runs closes its own when it is done."""


class Observer(Protocol):
    """Gets every event, from the code that emits it. It must be quick and must not raise."""

    def observe(self, event: Event) -> None:
        """Record an event."""


class SpanSink(Protocol):
    """Takes spans that have ended, without waiting; it drops what it has no room for."""

    @property
    def sampler(self) -> Sampler:
        """Which messages are to have spans."""

    def take(self, spans: Sequence[Span]) -> None:
        """Send them later."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A routing table, or else the problems for which there is none.

    `digest` names the content that was loaded: equal digests mean equal content.
    """

    digest: str
    table: RoutingTable | None = None
    problems: tuple[str, ...] = ()


WeightOffer = Callable[[], Awaitable[Loaded | None]]
"""Loads what a giver of weights offers; None where the offer is outdated by then."""


class Weights(Protocol):
    """A giver of weights: it says which routing table should be in force. The file is one."""

    async def watch(self, offer: Callable[[WeightOffer], Awaitable[object]]) -> Never:
        """Call `offer` whenever there is something new. An error of `offer` ends the watch."""


@dataclass(frozen=True, slots=True)
class VersionMeasurements:
    """What was measured of one version.

    `decisions` counts since the route or its weights last changed, `deliveries` since the process
    started; `per_second` is the rate over the last minute. `last_error` is (text, Unix time).
    `depth` is what the version's queue holds, None where there is none or it is not known.
    """

    decisions: int = 0
    deliveries: Mapping[Outcome, int] = field(default_factory=dict)
    per_second: Mapping[Outcome, float] = field(default_factory=dict)
    last_error: tuple[str, float] | None = None
    depth: int | None = None


@dataclass(frozen=True, slots=True)
class RouteMeasurements:
    """What was measured of one route; a version without any event may be missing.

    `received` counts messages since the process started, `received_per_second` is the rate over
    the last minute. `last_error` is (text, Unix time), about the queue or the gateway.
    """

    received: int
    received_per_second: float
    last_error: tuple[str, float] | None
    versions: Mapping[str, VersionMeasurements]


class Measurements(Histories, Protocol):
    """What has happened so far, for those who show it or decide by it."""

    @property
    def problems(self) -> Sequence[str]:
        """The problems of the routing file refused last; empty once one is accepted."""

    def measure(self, route: str) -> RouteMeasurements:
        """Return the measurements of a route, zeros if nothing has happened on it."""


@dataclass(frozen=True, slots=True)
class RouteView:
    """The state of one route at one moment. `waiting` messages wait for their version's limit.

    `max_in_flight` and `max_in_flight_by_version` are the limits in force (some find themselves).
    `redrive` None: no redrive policy, or the queue is not resolved yet. `partitions` of a log are
    those that it reads, else None; `rebalances` is how often some came or went.
    """

    route: Route
    phase: PhaseChanged
    in_flight: int
    in_flight_by_version: Mapping[str, int]
    waiting: int
    max_in_flight: int
    max_in_flight_by_version: Mapping[str, int]
    redrive: Redrive | None = None
    partitions: Sequence[PartitionView] | None = None
    rebalances: int = 0


class RouteStates(Watchable, Protocol):
    """The state of the routes, as health, readiness and the admin API show it."""

    def stuck(self) -> Sequence[str]:
        """Return what has not moved for too long, in words; empty while all loops work."""

    def unready(self) -> Sequence[str]:
        """Return what is not, or no longer, ready, in words; empty when every queue is polled."""

    def views(self) -> Sequence[RouteView]:
        """Return the state of the routes in force, in file order."""


class Control(Protocol):
    """What the admin port may change about the running gateway."""

    @property
    def generation(self) -> int:
        """The number of routing tables that have been in force so far, this one included."""

    async def reload(self) -> Reloaded | ReloadFailed:
        """Read the routing file again now; the last good one stays in force on any problem."""
