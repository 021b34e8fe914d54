"""A version: one deployment of the service behind a route."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.core.addresses import QueueAddress  # noqa: TC001 - what a dataclass is made of
from gateway.core.header_budget import DEFAULT_MAX_HEADER_BYTES
from gateway.core.kafka.plan import TopicAddress  # noqa: TC001 - as above


class Client(StrEnum):
    """The HTTP client that sends deliveries to a version."""

    NATIVE = "native"
    HTTPX = "httpx"


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files: authorities that replace the system's, and the gateway's certificate."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class HeaderFile:
    """A header's value that is in a file, as that of a Secret; `path` is absolute."""

    path: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version: its name, its `tag` (its name on the wire), its URL, queue or topic, its limits.

    It has exactly one of `url` (empty where it has none), `queue` and `topic`. A queue that holds
    more than `max_depth` messages counts as unreachable; None: it may hold any number. `max_rate`
    is deliveries per second, None without a limit. A connection is used for
    `connection_lifetime_seconds`, a quarter more or less. With `least_in_flight` the limit finds
    itself between that and `max_in_flight`. `max_header_bytes` is the largest head of
    a request, what sidecars add included. `attributes_json`: it gets all attributes in one more
    header.
    """

    name: str
    tag: str
    url: str = ""
    timeout_seconds: float = 30.0
    max_in_flight: int = 200
    least_in_flight: int | None = None
    max_rate: float | None = None
    headers: tuple[tuple[str, str | HeaderFile], ...] = field(default=(), repr=False)
    """May hold a secret."""
    client: Client = Client.NATIVE
    tls: Tls | None = None
    connection_lifetime_seconds: float = 20.0
    max_header_bytes: int = DEFAULT_MAX_HEADER_BYTES
    attributes_json: bool = False
    queue: QueueAddress | None = None
    topic: TopicAddress | None = None
    max_depth: int | None = None
