"""The headers of a message with unusual values, which are encoded, or omitted and listed.

These are the headers of docs/reference/delivery.md for any message.
:mod:`gateway.core.delivery.headers` renders the same faster where all values are legal and short;
the tests hold the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.delivery.dialect import (
    ATTRIBUTES_HEADER,
    USUAL_DIALECT,
    HeaderDialect,
    attributes_as_json,
)
from gateway.core.delivery.header_list import HeaderList
from gateway.core.messages import baggage
from gateway.core.messages.attribute_names import PREFIX
from gateway.core.messages.iso_time import iso_8601

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.messages.message import Message


def legal_lines(
    message: Message, tag: str, *, room: int, dialect: HeaderDialect = USUAL_DIALECT,
    context: Message | None = None, named: Sequence[tuple[str, str]] = (),
) -> str:  # fmt: skip
    """Return the header lines that differ between messages, for any content of a message.

    They take at most `room` bytes, unless those that are always sent take more.
    Trace context and baggage are those of `context`, if it is given. `named` are further headers.
    """
    context = context or message
    headers = HeaderList(room)
    if message.first_received_ms:
        headers.add("x-aws-sqsd-first-received-at", iso_8601(message.first_received_ms))
    if message.counted:
        headers.add("x-aws-sqsd-receive-count", str(message.receive_count))
    headers.add("x-aws-sqsd-msgid", message.message_id)
    if message.sender_id is not None:
        headers.add("x-aws-sqsd-sender-id", message.sender_id)
    if message.trace_header is not None:  # the sender chooses it, as it does attributes
        headers.add_optional("x-amzn-trace-id", message.trace_header)
    _add_group(headers, message)
    add_content_type(headers, message, usual_content_type(message))
    add_trace_context(headers, context)
    add_baggage(headers, context.carrier, dialect.version_header, tag)
    for name, value in named:
        headers.add_optional(name, value, late=True)
    if dialect.attributes_json:
        _add_json(headers, message, room)
    add_attributes(headers, message, PREFIX)
    return headers.render()


def _add_group(headers: HeaderList, message: Message) -> None:
    if message.group is not None:
        headers.add("message-group-id", message.group)
    if message.deduplication_id is not None:
        headers.add("message-deduplication-id", message.deduplication_id)


def usual_content_type(message: Message) -> str:
    """Return the content type of a text that has none of its own."""
    return "application/json" if message.is_json else "text/plain; charset=utf-8"


def add_content_type(headers: HeaderList, message: Message, default: str) -> None:
    """Add the content type that the message names, or the default."""
    content_type = message.text("content-type")
    if content_type is None:
        headers.add("content-type", default)
    else:
        headers.add_optional("content-type", content_type, default)


def add_trace_context(headers: HeaderList, message: Message) -> None:
    """Add the trace context of a message, where it has one."""
    for name in ("traceparent", "tracestate"):
        value = message.text(name)
        if value is not None:
            headers.add_optional(name, value, late=name == "tracestate")


def add_baggage(headers: HeaderList, carrier: str | None, name: str, tag: str) -> None:
    """Add baggage; where the message's own members do not fit, only the gateway's."""
    own = f"{name}={tag}"
    if carrier is None:
        headers.add("baggage", own)
    elif len(carrier) > baggage.MAX_CHARACTERS:
        headers.omit("baggage", own)
    else:
        headers.add_optional("baggage", baggage.with_member(carrier, name, tag), own)


def _add_json(headers: HeaderList, message: Message, room: int) -> None:
    """Add all attributes in one header; it is legal as it is."""
    rendered = attributes_as_json(message, room)
    if not message.attributes:
        headers.add(ATTRIBUTES_HEADER, "{}")
    elif rendered is None:
        headers.omit(ATTRIBUTES_HEADER)
    else:
        headers.add_optional(ATTRIBUTES_HEADER, rendered, late=True)


def add_attributes(headers: HeaderList, message: Message, prefix: str) -> None:
    """Add attributes in the order of their names, each under the prefix and its name."""
    for name, start in message.names.in_order:
        attribute = message.attributes[name]
        if start is None:
            headers.omit(prefix + name)
        else:
            binary = name if attribute.binary else None
            headers.add_optional(prefix + name, attribute.text, binary=binary, late=True)
