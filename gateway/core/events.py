"""What happened, said once. Observers make metrics, logs and the API of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.decision import Reason


class Outcome(StrEnum):
    """What a delivery came to."""

    ACK = "ack"
    RETRY = "retry"
    REJECT = "reject"
    FALLBACK = "fallback"


class Action(StrEnum):
    """What was settled with SQS."""

    DELETE = "delete"
    EXTEND = "extend"
    RELEASE = "release"
    DEAD_LETTER = "dead_letter"


class Phase(StrEnum):
    """Where a route is in its life."""

    STARTING = "starting"
    POLLING = "polling"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Received:
    """A receive came back with so many messages (0: the long poll ended empty)."""

    route: str
    messages: int


@dataclass(frozen=True, slots=True)
class ReceiveFailed:
    """A receive failed."""

    route: str
    why: str


@dataclass(frozen=True, slots=True)
class Decided:
    """So many messages got this decision; `version` None: retry until there is one."""

    route: str
    version: str | None
    reason: Reason
    messages: int = 1


@dataclass(frozen=True, slots=True)
class Acked:
    """A version took messages: how long each delivery took, and each age, sent until acked."""

    route: str
    version: str
    seconds: Sequence[float]
    ages_seconds: Sequence[float]


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery ended in anything but an ack."""

    route: str
    version: str
    message_id: str
    outcome: Outcome
    result: DeliveryResult
    seconds: float


@dataclass(frozen=True, slots=True)
class Settled:
    """SQS confirmed so many of one action."""

    route: str
    action: Action
    messages: int = 1


@dataclass(frozen=True, slots=True)
class SettlementFailed:
    """SQS refused so many of one action; `lease_lost`: the message is not ours any more."""

    route: str
    action: Action
    why: str
    messages: int = 1
    lease_lost: bool = False


@dataclass(frozen=True, slots=True)
class LeaseCapped:
    """A message was in hand for nearly SQS's 12 hours, so it is given back, its delivery cut."""

    route: str
    message_id: str


@dataclass(frozen=True, slots=True)
class AttributesDropped:
    """A dead-letter copy had no room for these attributes."""

    route: str
    message_id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeliveryCrashed:
    """A defect of ours, met while one message was in hand; the message is retried."""

    route: str
    message_id: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """A route entered another phase; `why` says what is wrong when it failed."""

    route: str
    phase: Phase
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Another routing table is in force."""

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
    """The admin port answers."""

    host: str
    port: int


Event = (
    Received
    | ReceiveFailed
    | Decided
    | Acked
    | Delivered
    | Settled
    | SettlementFailed
    | LeaseCapped
    | AttributesDropped
    | DeliveryCrashed
    | PhaseChanged
    | Reloaded
    | ReloadFailed
    | Listening
)
