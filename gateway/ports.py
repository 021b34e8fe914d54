"""What the runtime needs of the outside world, in the gateway's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.events import Fact, PhaseChanged, Reloaded, ReloadFailed
    from gateway.core.messages.message import Message
    from gateway.core.routing.route import Route


class QueueError(Exception):
    """A call to the queue failed; `str()` of it is a sentence for the operator.

    `code` is SQS's error code, or a short name where no answer came.
    """

    def __init__(self, why: str, code: str = "") -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What the queue says of itself."""

    url: str
    visibility_seconds: int


@dataclass(frozen=True, slots=True)
class EntryError:
    """Why one entry of a batch failed; `lease_lost` means that trying again is of no use."""

    code: str
    why: str
    lease_lost: bool = False


class Queue(Protocol):
    """One SQS queue, and the dead-letter queue beside it if there is one.

    Every method may raise QueueError.
    """

    async def resolve(self) -> QueueFacts:
        """Find the queue (and its dead-letter queue) and read its visibility timeout."""

    async def receive(
        self, limit: int, wait_seconds: int, visibility_seconds: int
    ) -> list[Message]:
        """Long-poll once for 1..10 messages."""

    async def delete(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """Delete 1..10 messages by receipt; the answer has the failed ones by position."""

    async def change_visibility(
        self, leases: Sequence[tuple[str, int]]
    ) -> Mapping[int, EntryError]:
        """Set (receipt, whole seconds from now) for 1..10 messages; failed ones by position."""

    async def send_dead_letter(self, message: Message, marks: Mapping[str, str]) -> tuple[str, ...]:
        """Send a copy with the `gateway-*` marks as attributes, return once SQS confirmed it.

        The answer names the attributes that had to be left out.
        """

    async def close(self) -> None:
        """Let go of connections."""


class Sending(Protocol):
    """A delivery that is under way at a target."""

    def cancel(self) -> None:
        """Give up: its connection is closed and nobody is told any more."""


class Target(Protocol):
    """One version of a service."""

    def send(
        self,
        lines: str,
        body: bytes,
        timeout_seconds: float,
        done: Callable[[DeliveryResult], None],
    ) -> Sending:
        r"""POST once; `lines` are the delivery's headers, `name: value\r\n` each, legal ASCII.

        `done` is called once with the result, later than this returns; not at all once cancelled.
        Every outcome is a result, not an error. A callback: a task and a future for each message
        would cost a tenth of all that one costs.
        """

    async def close(self) -> None:
        """Let go of connections."""


class Observer(Protocol):
    """Somebody who hears of facts. It must be quick and must not raise."""

    def notice(self, fact: Fact) -> None:
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
