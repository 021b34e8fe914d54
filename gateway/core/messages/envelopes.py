"""Notifications of SNS, read as the message that was published.

SNS writes what it delivers to a queue as a JSON object, unless raw delivery is on.
Source: https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.core.messages.message import Attribute, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ATTRIBUTES: Final = 100
"""The most attributes of an envelope that are read, the first ones: a body may hold any number."""

_MARKS: Final = "Notification", "\\u"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}\Z")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
_TYPES: Final = {
    "String": "String",
    "String.Array": "String",
    "Number": "Number",
    "Binary": "Binary",
}


class Notification(NamedTuple):
    """What was published, as a `message` with the ids of the queue's, and what SNS says of it.

    The `message` has the attributes of both; the queue's own win, names compared without case.
    """

    message: Message
    topic_arn: str
    message_id: str
    subject: str | None


def notification(message: Message) -> Notification | None:
    """Return what the body of a message is the notification of, or None.

    It is one if it is a JSON object with `Type` `Notification` and strings `TopicArn`, `Message`
    and `MessageId`. A notification inside it is not looked into. What cannot be used of its
    attributes and its subject is left out.
    """
    body = message.body
    if not any(mark in body for mark in _MARKS):  # so that no other body is parsed for this
        return None
    document = message.json
    if not isinstance(document, dict) or document.get("Type") != "Notification":
        return None
    topic_arn, message_id = document.get("TopicArn"), document.get("MessageId")
    published, subject = document.get("Message"), document.get("Subject")
    if not (isinstance(topic_arn, str) and isinstance(message_id, str)):
        return None
    if not isinstance(published, str):
        return None
    attributes = _merged(message.attributes, document.get("MessageAttributes"))
    return Notification(
        _read_as(message, published, attributes),
        topic_arn,
        message_id,
        subject if isinstance(subject, str) else None,
    )


def unwrapped(message: Message) -> Message:
    """Return the message that was published, or the message itself where it is no notification."""
    found = notification(message)
    return message if found is None else found.message


def _read_as(message: Message, body: str, attributes: Mapping[str, Attribute]) -> Message:
    return Message(
        message.message_id, body, message.receipt, attributes, message.group,
        message.deduplication_id, message.receive_count, message.sent_ms,
        message.first_received_ms, message.sender_id, message.trace_header, message.counted,
    )  # fmt: skip


def _merged(own: Mapping[str, Attribute], raw: Any) -> Mapping[str, Attribute]:
    if not isinstance(raw, dict):
        return own
    merged, taken = dict(own), {name.lower() for name in own}
    most = len(own) + MAX_ATTRIBUTES
    for name, each in raw.items():
        if len(merged) == most:
            break
        if name.lower() not in taken and (attribute := _attribute(name, each)):
            merged[name] = attribute
    return merged


def _attribute(name: str, raw: Any) -> Attribute | None:
    """Return an attribute, or None where SNS would not have written it."""
    if not isinstance(raw, dict) or not _NAME.match(name):
        return None
    kind, value = raw.get("Type"), raw.get("Value")
    data_type = _TYPES.get(kind) if isinstance(kind, str) else None
    if data_type is None or not isinstance(value, str):
        return None
    if data_type == "Binary" and not _BASE64.match(value):
        return None
    return Attribute(data_type, value)
