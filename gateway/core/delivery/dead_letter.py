"""The attributes of a dead-letter copy: the message's own and those that the gateway adds.

SQS limits a copy as it does any message: MAX_ATTRIBUTES attributes, and MAX_MESSAGE_BYTES of body,
attribute names, types and values together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.messages.message import Attribute
from gateway.core.sqs_limits import MAX_ATTRIBUTES, MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.messages.message import Message


def copy_attributes(
    message: Message, added: Mapping[str, str]
) -> tuple[dict[str, Attribute], tuple[str, ...]]:
    """Return the copy's attributes, those `added` included, and the names that were left out.

    Those added replace attributes of the same name, and are never left out. Of the others, surplus
    ones are dropped in reverse order of their names. A copy may still be too large by its body
    alone: then SQS refuses it.
    """
    own = {name: value for name, value in message.attributes.items() if name not in added}
    kept = sorted(own)
    ours = {name: Attribute("String", text) for name, text in added.items() if text}
    size = len(message.body.encode("utf-8", "surrogatepass"))
    size += sum(attribute_bytes(name, value) for name, value in [*own.items(), *ours.items()])
    dropped: list[str] = []
    while kept and (len(kept) + len(ours) > MAX_ATTRIBUTES or size > MAX_MESSAGE_BYTES):
        name = kept.pop()
        dropped.append(name)
        size -= attribute_bytes(name, own[name])
    return {name: own[name] for name in kept} | ours, tuple(dropped)


def attribute_bytes(name: str, attribute: Attribute) -> int:
    """Return the bytes that an attribute adds to the message's size: name, type and raw value."""
    text = attribute.text
    if attribute.binary:
        value = len(text) * 3 // 4 - text[-2:].count("=")
    else:
        value = len(text.encode("utf-8", "surrogatepass"))
    return len(name) + len(attribute.data_type) + value
