"""A route and the routing table: everything that the routing file says, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gateway.core.routing.sources import DEFAULT_VERSION_HEADER, usual_sources
from gateway.core.sqs_limits import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from gateway.core.addresses import QueueAddress
    from gateway.core.kafka.plan import KafkaPlan, TopicAddress
    from gateway.core.rollout.plan import Plan
    from gateway.core.routing.mesh.evaluator import Followed
    from gateway.core.routing.mesh.plan import FollowPlan
    from gateway.core.routing.mirror import Mirror
    from gateway.core.routing.rules import Rule
    from gateway.core.routing.sources import VersionSource
    from gateway.core.routing.split import Split
    from gateway.core.routing.version import Version

MAX_LINGER_SECONDS: Final = 5.0

LINGER_SHARE: Final = 0.25
"""Of a lease: what is done must be deleted long before it could be received again."""


class UnknownVersion(StrEnum):
    """How to decide for a message that names a version which its route does not have."""

    SPLIT = "split"
    STABLE = "stable"
    RETRY = "retry"


class Unwrap(StrEnum):
    """Which envelopes of a body are read as the message inside."""

    NONE = "none"
    SNS = "sns"


class Deliver(StrEnum):
    """What a version with a URL gets of a body that is an envelope."""

    BODY = "body"
    MESSAGE = "message"


class FallbackOn(StrEnum):
    """Which failures of another version's delivery are tried on stable within the same receive."""

    UNREACHABLE = "unreachable"
    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"
    ERROR = "error"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Fallback:
    """When stable takes over; `after_receives` None: never because of the receive count alone."""

    on: frozenset[FallbackOn] = frozenset({FallbackOn.UNREACHABLE, FallbackOn.NOT_FOUND})
    after_receives: int | None = 3


@dataclass(frozen=True, slots=True)
class Backoff:
    """Bounds of the delay of a retried message."""

    min_seconds: float = 2.0
    max_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Linger:
    """How long calls to the source wait for more messages, at most: fewer calls, later.

    `delete_seconds` is for a batch of deletes, `receive_seconds` for the receive that follows one
    that was not full.
    """

    delete_seconds: float = 0.04
    receive_seconds: float = 0.005

    def within(self, lease_seconds: float) -> Linger:
        """Return it held to :data:`LINGER_SHARE` of the lease."""
        most = lease_seconds * LINGER_SHARE
        return Linger(min(self.delete_seconds, most), min(self.receive_seconds, most))


@dataclass(frozen=True, slots=True)
class Route:
    """One queue, the versions behind it and how a message finds its version.

    `visibility_seconds` None: the queue's own timeout. `fallback` None: off. `dead_letter` None:
    rejected messages are left to the queue's redrive policy. `version_header` names the header and
    the baggage member that carry a version's tag. `deliver` has no effect without `unwrap`. `plan`
    None: nothing judges the route; else it follows an object, or has a split, which
    :func:`weights.weighted` changes.
    `rolled_back` names a version whose messages go to stable, those of pins and rules too; empty:
    none.
    `unsplit` is what weights set by hand are put on where there is no split: it gives stable all.
    With `least_in_flight` the limit finds itself between that and `max_in_flight`. `follow` names
    an object that decides in place of a split; `followed` is what it says now, None while nothing
    is known of it and where weights are set by hand. `kafka` None: `queue` is a queue of SQS.
    """

    name: str
    queue: QueueAddress | TopicAddress
    versions: tuple[Version, ...]
    stable: Version
    wait_seconds: int = MAX_WAIT_SECONDS
    visibility_seconds: int | None = None
    max_in_flight: int = 200
    least_in_flight: int | None = None
    version_from: tuple[VersionSource, ...] = usual_sources(DEFAULT_VERSION_HEADER)
    unknown_version: UnknownVersion = UnknownVersion.SPLIT
    rules: tuple[Rule, ...] = ()
    split: Split | None = None
    weights: tuple[tuple[str, int], ...] = ()
    fallback: Fallback | None = None
    retry: Backoff = Backoff()
    linger: Linger = Linger()
    dead_letter: QueueAddress | TopicAddress | None = None
    version_header: str = DEFAULT_VERSION_HEADER
    unwrap: Unwrap = Unwrap.NONE
    deliver: Deliver = Deliver.BODY
    mirror: Mirror | None = None
    plan: Plan | None = None
    rolled_back: str = ""
    unsplit: Split | None = None
    follow: FollowPlan | None = None
    followed: Followed | None = None
    kafka: KafkaPlan | None = None

    def version_called(self, text: str) -> Version | None:
        """Return the version of a tag or name, or None."""
        for version in self.versions:
            if text in (version.tag, version.name):
                return version
        return None

    def strict_about(self, version: Version) -> bool:
        """Whether what is pinned to this version waits, since it was rolled back."""
        strict = self.plan is not None and self.plan.strict
        return strict and version.name == self.rolled_back

    def split_weights(self) -> dict[str, int]:
        """Return the weight of every version; without a split stable has the only one, 1."""
        weights = dict(self.weights) or {self.stable.name: 1}
        return {version.name: weights.get(version.name, 0) for version in self.versions}


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """All routes of one generation of the routing file; `digest` is the SHA-256 of its content."""

    routes: tuple[Route, ...]
    digest: str = ""

    def route(self, name: str) -> Route | None:
        """Return the route of a name, or None."""
        return next((route for route in self.routes if route.name == name), None)
