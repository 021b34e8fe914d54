"""What a dead-letter copy carries: the message's attributes and the gateway's four marks.

Limits: 10 attributes and 1 MiB of body, attribute names, types and values together.
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.messages.message import Attribute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.messages.message import Message

MAX_ATTRIBUTES: Final = 10
MAX_BYTES: Final = 1024 * 1024


def copy_attributes(
    message: Message, marks: Mapping[str, str]
) -> tuple[dict[str, Attribute], tuple[str, ...]]:
    """Return the copy's attributes, marks included, and the names that had no room.

    The marks win over attributes of the same name and over the limits; surplus attributes go in
    reverse name order. A copy may still be too large by its body alone: then SQS refuses it.
    """
    own = {name: value for name, value in message.attributes.items() if name not in marks}
    kept = sorted(own)
    marked = {name: Attribute("String", text) for name, text in marks.items() if text}
    size = len(message.body.encode("utf-8", "surrogatepass"))
    size += sum(attribute_bytes(name, value) for name, value in [*own.items(), *marked.items()])
    dropped: list[str] = []
    while kept and (len(kept) + len(marked) > MAX_ATTRIBUTES or size > MAX_BYTES):
        name = kept.pop()
        dropped.append(name)
        size -= attribute_bytes(name, own[name])
    return {name: own[name] for name in kept} | marked, tuple(dropped)


def attribute_bytes(name: str, attribute: Attribute) -> int:
    """Return what an attribute counts towards the message's size: name, type and raw value."""
    text = attribute.text
    if attribute.binary:
        value = len(text) * 3 // 4 - text[-2:].count("=")
    else:
        value = len(text.encode("utf-8", "surrogatepass"))
    return len(name) + len(attribute.data_type) + value
