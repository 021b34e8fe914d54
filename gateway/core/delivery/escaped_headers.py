"""The headers of a message with unusual values, which are encoded, or omitted and listed.

These are the headers of docs/reference/delivery.md for any message.
:mod:`gateway.core.delivery.headers` renders the same faster where all values are legal and short;
the tests hold the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.delivery.dates import iso_8601
from gateway.core.delivery.header_list import MAX_ATTRIBUTE_BYTES, HeaderList
from gateway.core.messages import baggage
from gateway.core.messages.attribute_names import PREFIX

if TYPE_CHECKING:
    from gateway.core.messages.message import Message


def legal_lines(message: Message, tag: str) -> str:
    """Return the header lines that differ between messages, for any content of a message."""
    headers = HeaderList()
    if message.first_received_ms:
        headers.add("x-aws-sqsd-first-received-at", iso_8601(message.first_received_ms))
    if message.counted:
        headers.add("x-aws-sqsd-receive-count", str(message.receive_count))
    headers.add("x-aws-sqsd-msgid", message.message_id)
    if message.sender_id is not None:
        headers.add("x-aws-sqsd-sender-id", message.sender_id)
    room = MAX_ATTRIBUTE_BYTES
    if message.trace_header is not None:  # the sender chooses it, as it does attributes
        room -= headers.add_within("x-amzn-trace-id", message.trace_header, room)
    if message.group is not None:
        headers.add("message-group-id", message.group)
    if message.deduplication_id is not None:
        headers.add("message-deduplication-id", message.deduplication_id)
    room = _add_context(headers, message, tag, room)
    binary = _add_attributes(headers, message, room) if message.attributes else []
    _add_lists(headers, binary)
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items])


def _add_context(headers: HeaderList, message: Message, tag: str, room: int) -> int:
    """Add content-type, trace context and baggage; return the bytes left for attribute headers.

    A value that does not fit is replaced by its default, or omitted.
    """
    content_type = message.text("content-type")
    used = 0 if content_type is None else headers.add_within("content-type", content_type, room)
    if not used:
        default = "application/json" if message.is_json else "text/plain; charset=utf-8"
        headers.items.append(("content-type", default))
    room -= used
    for name in ("traceparent", "tracestate"):
        value = message.text(name)
        if value is not None:
            room -= headers.add_within(name, value, room)
    return room - _add_baggage(headers, message.text("baggage"), tag, room)


def _add_baggage(headers: HeaderList, carrier: str | None, tag: str, room: int) -> int:
    """Add baggage and return its bytes; where it does not fit, only the gateway's own member."""
    used = 0
    if carrier is not None and len(carrier) > baggage.MAX_CHARACTERS:
        headers.omitted.append("baggage")
    elif carrier is not None:
        used = headers.add_within("baggage", baggage.with_member(carrier, "version", tag), room)
    if not used:
        headers.items.append(("baggage", f"version={tag}"))
    return used


def _add_attributes(headers: HeaderList, message: Message, room: int) -> list[str]:
    """Add attributes in the order of their names; return the names of binary ones that fit."""
    binary = []
    for name, start in message.names.in_order:
        attribute, used = message.attributes[name], 0
        if start is None:
            headers.omitted.append(PREFIX + name)
        else:
            used = headers.add_within(PREFIX + name, attribute.text, room)
        if used and attribute.binary:
            binary.append(name)
        room -= used
    return binary


def _add_lists(headers: HeaderList, binary: list[str]) -> None:
    for header, names in (
        ("x-aws-sqsd-binary", binary),
        ("x-gateway-omitted", headers.omitted),
        ("x-aws-sqsd-encoded", headers.encoded),
    ):
        if names:
            headers.add(header, ", ".join(names))
