"""What the runtime needs of the outside world, in the gateway's own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from gateway.core.sqs_limits import MAX_BATCH_ENTRIES, MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.events import Event, PhaseChanged, Reloaded, ReloadFailed
    from gateway.core.messages.message import Message
    from gateway.core.routing.route import Route


class SourceError(Exception):
    """A call to the source failed; `str()` of it is a sentence for the operator.

    `code` is the system's own error code (SQS's), or a short name where no response came.
    """

    def __init__(self, why: str, code: str = "") -> None:
        super().__init__(why)
        self.code = code


class Ordering(Enum):
    """Which messages of a source must be delivered one after the other."""

    NONE = auto()
    GROUP = auto()


@dataclass(frozen=True, slots=True)
class SourceTraits:
    """What a source says of itself once it is open.

    `lease_seconds` is how long a received message stays invisible by default, 0 where the source
    has no default. `max_delay_seconds` is the longest that one message may be held, all extensions
    included. `batch` is the most messages of one receive or one settlement.
    """

    url: str
    lease_seconds: int
    ordering: Ordering = Ordering.NONE
    max_delay_seconds: int = MAX_VISIBILITY_SECONDS
    batch: int = MAX_BATCH_ENTRIES


@dataclass(frozen=True, slots=True)
class EntryError:
    """Why one entry of a batch failed; `lease_lost` means that trying again is of no use."""

    code: str
    why: str
    lease_lost: bool = False


class Source(Protocol):
    """Where messages come from: one SQS queue, with the dead-letter queue beside it if any.

    Every method may raise SourceError.
    """

    async def open(self) -> SourceTraits:
        """Find the source (and where dead letters go) and read its traits."""

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> list[Message]:
        """Wait up to `wait_seconds` for 1..`limit` messages; an empty list when none came."""

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """Remove 1..`batch` messages for good; returns the failed ones by position."""

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """Set the lease of 1..`batch` messages: (receipt, whole seconds from now; 0 releases).

        Returns the failed ones by position.
        """

    async def dead_letter(self, message: Message, attributes: Mapping[str, str]) -> tuple[str, ...]:
        """Send a copy with these attributes added; returns once it is confirmed.

        Returns the names of the message's own attributes that had to be left out.
        """

    async def close(self) -> None:
        """Close the connections that it owns."""


class Sending(Protocol):
    """A delivery that is under way at a target."""

    def cancel(self) -> None:
        """Give up: its connection is closed, and `done` is not called."""


class Sender(Protocol):
    """Delivers the messages of one plan."""

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """Deliver once, within the plan's timeout.

        `done` is called once with the result, later than this returns; not at all once cancelled.
        Every outcome is a result, not an error. A callback, since a task and a future for each
        message cost too much (ADR 8).
        """


class Target(Protocol):
    """Where one version of a service gets its messages."""

    def bind(self, plan: DeliveryPlan) -> Sender:
        """Render once what the messages of a plan share."""

    async def close(self) -> None:
        """Close the idle connections; a delivery that runs closes its own when it is done."""


class Observer(Protocol):
    """Somebody who hears of facts. It must be quick and must not raise."""

    def observe(self, event: Event) -> None:
        """Take note of a fact."""


@dataclass(frozen=True, slots=True)
class RouteView:
    """One route as it stands at this moment."""

    route: Route
    phase: PhaseChanged
    in_flight: int
    in_flight_by_version: Mapping[str, int]
    waiting: int


class Control(Protocol):
    """What the admin port may ask of the running gateway."""

    def stuck(self) -> Sequence[str]:
        """Name what has not moved for too long; empty while all loops work."""

    def unready(self) -> Sequence[str]:
        """Say what is not yet, or no longer, ready; empty when every queue is polled."""

    def routes(self) -> Sequence[RouteView]:
        """Describe the routes in force, in file order."""

    @property
    def generation(self) -> int:
        """How many routing tables have been in force so far, this one included."""

    async def reload(self) -> Reloaded | ReloadFailed:
        """Re-read the routing file now; the last good one stays in force on any problem."""
