"""One message: what was sent, and everything that happened to it."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.demo.senders import UNSIGNED
from tools.sqs_model import message as model

if TYPE_CHECKING:
    from collections.abc import Mapping

Attributes = dict[str, dict[str, Any]]
"""Message attributes as the JSON protocol has them: a Binary value is base64 text."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What was sent. Many messages may share one."""

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


class Message(model.Message):
    """A message in one queue. Times are seconds since the epoch.

    `receipt` is the newest one. `sender_id` is who sent it, or who sent the first of a copy in a
    dead-letter queue. `events` is its history: (when, what, number).
    """

    __slots__ = ("draft", "events", "message_id", "receipt", "sender_id", "sent_at", "source_arn")

    def __init__(
        self, message_id: str, draft: Draft, sent_at: float, sender_id: str = UNSIGNED
    ) -> None:
        super().__init__(draft.group)
        self.message_id = message_id
        self.draft = draft
        self.sent_at = sent_at
        self.receipt = ""
        self.sender_id = sender_id
        self.source_arn: str | None = None
        self.events: list[tuple[float, str, int]] = []

    def note(self, now: float, what: str, number: int = 0) -> None:
        """Append to the history."""
        self.events.append((now, what, number))


def md5(content: bytes) -> str:
    """Return the hexadecimal MD5, which SQS returns for clients to compare."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256(text: str) -> str:
    """Return the digest of content-based deduplication."""
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
