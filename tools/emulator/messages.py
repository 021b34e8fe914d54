"""One message: what its sender gave, where it stands, and everything that happened to it."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Attributes = dict[str, dict[str, Any]]
"""Message attributes as the JSON protocol has them: a Binary value is base64 text."""


class Stage(IntEnum):
    """Where a message stands; a number, since queues count by it."""

    DELAYED = 0
    VISIBLE = 1
    LEASED = 2
    DELETED = 3
    MOVED = 4


@dataclass(frozen=True, slots=True)
class Draft:
    """What the sender gave. Many messages may share one."""

    body: str
    attributes: Attributes = field(default_factory=dict)
    group: str | None = None
    deduplication_id: str | None = None
    trace_header: str | None = None
    body_md5: str = ""
    attributes_md5: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "body_md5", md5(self.body.encode()))
        object.__setattr__(self, "attributes_md5", attributes_md5(self.attributes))


@dataclass(slots=True, eq=False)
class Message:
    """A message in one queue. Times are seconds since the epoch.

    `visible_at` is when its delay or lease ends, `received_at` the latest receive, `receipt` the
    newest one. `events` is its page of the ledger: (when, what, number).
    """

    sequence: int
    message_id: str
    draft: Draft
    sent_at: float
    stage: Stage = Stage.VISIBLE
    visible_at: float = 0.0
    received_at: float = 0.0
    first_received_at: float = 0.0
    receive_count: int = 0
    receipt: str = ""
    source_arn: str | None = None
    events: list[tuple[float, str, int]] = field(default_factory=list)

    def note(self, now: float, what: str, number: int = 0) -> None:
        """Write into the ledger."""
        self.events.append((now, what, number))


def md5(content: bytes) -> str:
    """Return the hexadecimal MD5, which SQS answers with for clients to compare."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256(text: str) -> str:
    """Return the digest that content-based deduplication goes by."""
    return hashlib.sha256(text.encode()).hexdigest()


def attributes_md5(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return SQS's digest over message attributes, or "" for none.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    if not attributes:
        return ""
    return md5(b"".join(_digested(name, attributes[name]) for name in sorted(attributes)))


def _digested(name: str, attribute: Mapping[str, Any]) -> bytes:
    binary = "BinaryValue" in attribute
    parts = (name.encode(), str(attribute["DataType"]).encode(), value_bytes(attribute))
    framed = [struct.pack("!I", len(part)) + part for part in parts]
    return framed[0] + framed[1] + (b"\x02" if binary else b"\x01") + framed[2]


def value_bytes(attribute: Mapping[str, Any]) -> bytes:
    """Return the value of a message attribute as bytes."""
    if "BinaryValue" in attribute:
        return base64.b64decode(str(attribute["BinaryValue"]))
    return str(attribute["StringValue"]).encode()
