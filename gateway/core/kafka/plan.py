"""What the routing file says of a route that reads a Kafka topic, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MAX_BEHIND: Final = 10_000
DEFAULT_MAX_ATTEMPTS: Final = 8

OWNED_SETTINGS: Final = frozenset(
    {
        "bootstrap.servers",
        "group.id",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "partition.assignment.strategy",
        "group.protocol",
        "isolation.level",
        "auto.offset.reset",
    }
)
"""librdkafka's settings that the gateway sets by itself; all others may be set in the file.

Source: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""


class Start(StrEnum):
    """Where a partition begins for which the group has no offset, or one out of range."""

    EARLIEST = "earliest"
    LATEST = "latest"


class Order(StrEnum):
    """Which records are delivered one after the other."""

    KEY = "key"
    PARTITION = "partition"
    NONE = "none"


class Protocol(StrEnum):
    """How the group assigns partitions: cooperative-sticky, or KIP-848's consumer protocol."""

    CLASSIC = "classic"
    CONSUMER = "consumer"


class Auth(StrEnum):
    """Who makes the credentials: `settings`, or AWS for a cluster of MSK."""

    NONE = "none"
    MSK_IAM = "msk-iam"


class WhenBehind(StrEnum):
    """What becomes of a partition that is `max_behind` behind, where no parking topic is named."""

    PAUSE = "pause"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class SettingFile:
    """A setting's value that is in a file, as that of a Secret; `path` is absolute."""

    path: str


@dataclass(frozen=True, slots=True)
class SettingEnv:
    """A setting's value that is in a variable of the environment."""

    variable: str


Setting = str | SettingFile | SettingEnv


@dataclass(frozen=True, slots=True)
class TopicAddress:
    """A topic as the routing file names it, beside the topic of its route."""

    name: str

    @property
    def text(self) -> str:
        """What people know it by."""
        return self.name

    @property
    def called(self) -> str:
        """What it is, with its name, in the words of a sentence."""
        return f"topic {self.name}"


@dataclass(frozen=True, slots=True)
class KafkaPlan:
    """One topic and the group that reads it.

    `max_behind` is in records of one partition, from the lowest that is not settled to the newest
    in the gateway's memory. `parking`: where records that wait for another version than stable are
    put when a partition is that far behind; None: `when_behind` says it. `max_attempts` are of one
    record, in one process. `reject` None: a rejected record blocks what follows it in its order.
    """

    brokers: tuple[str, ...]
    topic: TopicAddress
    group: str
    start: Start
    order: Order = Order.KEY
    max_behind: int = DEFAULT_MAX_BEHIND
    protocol: Protocol = Protocol.CLASSIC
    settings: Mapping[str, Setting] = field(default_factory=dict, repr=False)
    """May hold a secret."""
    auth: Auth = Auth.NONE
    when_behind: WhenBehind = WhenBehind.PAUSE
    parking: TopicAddress | None = None
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    reject: TopicAddress | None = None
