"""What a queue gets that is a version: the message as it came, and the tag where there is room.

The message's own attributes come first, since consumers of the queue depend on them; a
dead-letter copy has it the other way round (`dead_letter.py`). SQS limits both alike:
MAX_ATTRIBUTES attributes, and MAX_MESSAGE_BYTES of body, attribute names, types and values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.message_size import attribute_bytes, message_bytes, text_bytes
from gateway.core.messages import baggage
from gateway.core.messages.message import Attribute
from gateway.core.messages.trace_context import context_attributes
from gateway.core.sqs_limits import MAX_ATTRIBUTES, MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.messages.message import Message
    from gateway.core.messages.trace_context import TraceContext

SENT_AT: Final = "x-gateway-sent-at"
"""The attribute with the time, in milliseconds, at which the message was first sent to a queue."""

_BAGGAGE: Final = "baggage"


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Attributes of a forwarded message, and its size with the body as SQS counts it.

    `stamped` is false where there was no room for the tag.
    """

    attributes: Mapping[str, Attribute]
    size: int
    stamped: bool


def forward(message: Message, tag: str, version_attribute: str) -> Forwarded:
    """Return the attributes under which a message goes to the queue of a version.

    The tag replaces an attribute of that name in any case and of any type. Without room for it the
    message goes as it came. Else `baggage` gets the tag where the message has it, and
    :data:`SENT_AT` is added where the message has none, each where there is room.
    """
    attributes = dict(message.attributes)
    size = message_bytes(message.body, attributes.items())
    folded = version_attribute.lower()
    replaced = [name for name in attributes if name.lower() == folded]
    stamp = Attribute("String", tag)
    stamped_size = size + attribute_bytes(version_attribute, stamp)
    for name in replaced:
        stamped_size -= attribute_bytes(name, attributes[name])
    if len(attributes) - len(replaced) >= MAX_ATTRIBUTES or stamped_size > MAX_MESSAGE_BYTES:
        return Forwarded(attributes, size, stamped=False)
    for name in replaced:
        del attributes[name]
    attributes[version_attribute] = stamp
    stamped_size += _stamp_baggage(message, attributes, version_attribute, tag, stamped_size)
    stamped_size += _add_sent_at(message, attributes, stamped_size)
    return Forwarded(attributes, stamped_size, stamped=True)


def forward_in(
    message: Message, tag: str, version_attribute: str, context: TraceContext
) -> Forwarded:
    """Return what :func:`forward` does, in another trace context where there is room for it."""
    forwarded = forward(message, tag, version_attribute)
    attributes = context_attributes(forwarded.attributes, context)
    size = message_bytes(message.body, attributes.items())
    if len(attributes) > MAX_ATTRIBUTES or size > MAX_MESSAGE_BYTES:
        return forwarded
    return replace(forwarded, attributes=attributes, size=size)


def _stamp_baggage(
    message: Message, attributes: dict[str, Attribute], member: str, tag: str, size: int
) -> int:
    """Set the member of the tag in the baggage, where there is one; return the bytes added."""
    name = message.names.first.get(_BAGGAGE)
    if name is None or name not in attributes:
        return 0
    before = attributes[name]
    if before.data_type.partition(".")[0] != "String":
        return 0
    after = Attribute(before.data_type, baggage.with_member(before.text, member, tag))
    added = text_bytes(after.text) - text_bytes(before.text)
    if size + added > MAX_MESSAGE_BYTES:
        return 0
    attributes[name] = after
    return added


def _add_sent_at(message: Message, attributes: dict[str, Attribute], size: int) -> int:
    """Add the time of sending where the message has none; return the bytes added."""
    if not message.sent_ms or SENT_AT in message.names.first or len(attributes) >= MAX_ATTRIBUTES:
        return 0
    sent_at = Attribute("Number", str(message.sent_ms))
    added = attribute_bytes(SENT_AT, sent_at)
    if size + added > MAX_MESSAGE_BYTES:
        return 0
    attributes[SENT_AT] = sent_at
    return added
