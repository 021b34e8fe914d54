"""Everything that happens, as events. Observers turn them into metrics, logs and statistics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.core.routing.mesh.events import FollowChanged
from gateway.core.tracing.events import TracingEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.rollout.judge import RollbackCause
    from gateway.core.rollout.state import Entry
    from gateway.core.routing.decision import Reason
    from gateway.core.routing.route import RoutingTable


class Outcome(StrEnum):
    """How a delivery ended."""

    ACK = "ack"
    RETRY = "retry"
    REJECT = "reject"
    FALLBACK = "fallback"


class CopyOutcome(StrEnum):
    """What became of the copy of a message for a route's mirror; SENT: the mirror gave a 2xx."""

    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


class Action(StrEnum):
    """A call by which messages are settled with SQS."""

    DELETE = "delete"
    EXTEND = "extend"
    RELEASE = "release"
    DEAD_LETTER = "dead_letter"


class Phase(StrEnum):
    """The phases of a route."""

    STARTING = "starting"
    POLLING = "polling"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Received:
    """A receive returned this number of messages (0: the long poll ended empty)."""

    route: str
    messages: int


@dataclass(frozen=True, slots=True)
class ReceiveFailed:
    """A receive failed."""

    route: str
    why: str


@dataclass(frozen=True, slots=True)
class MessageUnreadable:
    """A received message cannot be read: it is left alone until its lease ends."""

    route: str
    message_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Decided:
    """This number of messages got the decision; `version` None: retry until there is one."""

    route: str
    version: str | None
    reason: Reason
    messages: int = 1


@dataclass(frozen=True, slots=True)
class Acked:
    """A version acked messages; the ages, from the send until the ack, are those that are known."""

    route: str
    version: str
    seconds: Sequence[float]
    ages_seconds: Sequence[float]


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery ended without an ack, after this number of seconds."""

    route: str
    version: str
    message_id: str
    outcome: Outcome
    result: DeliveryResult
    seconds: float


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Copies of this number of messages had the outcome; `why` is why the last of them failed."""

    route: str
    version: str
    outcome: CopyOutcome
    messages: int = 1
    why: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """SQS confirmed one action for this number of messages."""

    route: str
    action: Action
    messages: int = 1


@dataclass(frozen=True, slots=True)
class SettlementFailed:
    """An action failed for this number of messages; `lease_lost`: it is of no use to try again."""

    route: str
    action: Action
    why: str
    messages: int = 1
    lease_lost: bool = False


@dataclass(frozen=True, slots=True)
class HeaderFileUnusable:
    """The file of a version's header cannot be used; its last good value, if any, stays."""

    version: str
    header: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class LeaseCapped:
    """A message was in flight for nearly SQS's 12 hours: its delivery is cut, it is released."""

    route: str
    message_id: str


@dataclass(frozen=True, slots=True)
class AttributesDropped:
    """A dead-letter copy had no room for these attributes."""

    route: str
    message_id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ForwardedUnstamped:
    """The queue of a version confirmed a message that had no room for the version's tag."""

    route: str
    version: str


@dataclass(frozen=True, slots=True)
class VersionQueueDepth:
    """How many messages, visible and in flight, the queue of a version holds; None: not known."""

    route: str
    version: str
    messages: int | None


@dataclass(frozen=True, slots=True)
class DeliveryCrashed:
    """A defect in the gateway stopped the delivery of one message; the message is retried."""

    route: str
    message_id: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """A route entered another phase; `why` says what is wrong when it failed."""

    route: str
    phase: Phase
    why: str = ""
    what_to_do: str = ""


@dataclass(frozen=True, slots=True)
class RouteWarned:
    """A route works, but something about it will hurt: what it is, and what to do."""

    route: str
    what: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class TableInForce:
    """Decisions are made by this routing table from now on; `generation` counts from 1."""

    table: RoutingTable
    generation: int


@dataclass(frozen=True, slots=True)
class RolloutChanged:
    """A rollout moved, or weights were set by hand. `here`: by this replica, not by another.

    `rolled_back`: the canary went to weight 0, for this cause.
    """

    route: str
    entry: Entry
    rolled_back: RollbackCause | None = None
    here: bool = True


@dataclass(frozen=True, slots=True)
class StateProblems:
    """What is torn or out of reach of the shared state now, in words; empty: all is well again."""

    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A routing file was accepted; the names are of routes that differ from the table before."""

    generation: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReloadFailed:
    """A routing file was refused; the last good one stays in force."""

    generation: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listening:
    """The admin port accepts connections."""

    host: str
    port: int


Event = (
    Received
    | ReceiveFailed
    | MessageUnreadable
    | Decided
    | Acked
    | Delivered
    | Mirrored
    | Settled
    | SettlementFailed
    | HeaderFileUnusable
    | LeaseCapped
    | AttributesDropped
    | ForwardedUnstamped
    | VersionQueueDepth
    | DeliveryCrashed
    | PhaseChanged
    | RouteWarned
    | TableInForce
    | RolloutChanged
    | StateProblems
    | FollowChanged
    | Reloaded
    | ReloadFailed
    | TracingEvent
    | Listening
)
