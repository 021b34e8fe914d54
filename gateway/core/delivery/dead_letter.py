"""The attributes of a dead-letter copy: the message's own and those that the gateway adds.

SQS limits a copy as it does any message: MAX_ATTRIBUTES attributes, and MAX_MESSAGE_BYTES of body,
attribute names, types and values together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.delivery.message_size import attribute_bytes, message_bytes
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
    size = message_bytes(message.body, [*own.items(), *ours.items()])
    dropped: list[str] = []
    while kept and (len(kept) + len(ours) > MAX_ATTRIBUTES or size > MAX_MESSAGE_BYTES):
        name = kept.pop()
        dropped.append(name)
        size -= attribute_bytes(name, own[name])
    return {name: own[name] for name in kept} | ours, tuple(dropped)
