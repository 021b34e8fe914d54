"""The headers of the delivery of a Kafka record, as docs/reference/delivery.md defines them.

`quick_lines` renders at once what is usual, `record_lines` any record; tests hold the two together.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.dialect import USUAL_DIALECT
from gateway.core.delivery.escaped_headers import (
    add_attributes,
    add_baggage,
    add_content_type,
    add_trace_context,
    usual_content_type,
)
from gateway.core.delivery.header_list import HeaderList
from gateway.core.delivery.headers import add_context, all_legal
from gateway.core.header_budget import USUAL_ROOM

if TYPE_CHECKING:
    from gateway.core.delivery.dialect import HeaderDialect
    from gateway.core.messages.message import Message
    from gateway.core.messages.record import Record

RESERVED_PREFIX: Final = "x-kafka-"
HEADER_PREFIX: Final = "x-kafka-header-"
ENCODED: Final = "x-kafka-encoded"
BINARY: Final = "x-kafka-binary"
TOMBSTONE: Final = "x-kafka-tombstone"
_KEY: Final = "key"
"""What a key that is no UTF-8 is called among the binary ones."""


def record_lines(
    message: Message, tag: str, *, room: int = USUAL_ROOM,
    dialect: HeaderDialect = USUAL_DIALECT, context: Message | None = None,
) -> str:  # fmt: skip
    """Return the header lines of the message of a record, at most `room` bytes.

    `tag` is that of the version it belongs to. Those that are always sent are so without room too.
    Trace context and baggage are those of `context`, if it is given. Raises ValueError for a
    message without a record.
    """
    record = message.record
    if record is None:
        raise ValueError("a message without a record")
    lines = _quick_lines(message, record, tag, dialect, context or message)
    if lines is not None and len(lines) <= room:
        return lines
    return _legal_lines(message, record, tag, room, dialect, context or message)


@lru_cache(maxsize=4096)  # partitions, many times
def _place_lines(topic: str, partition: int) -> str:
    return f"x-kafka-topic: {topic}\r\nx-kafka-partition: {partition}\r\nx-kafka-offset: "


def _quick_lines(
    message: Message, record: Record, tag: str, dialect: HeaderDialect, context: Message
) -> str | None:
    """Return the lines where all values are legal as they are; None where one may not be."""
    if record.value and not message.is_json and not _is_text(record.value):
        return None
    place = _place_lines(record.topic, record.partition)
    lines = [f"{place}{record.offset}\r\n"]
    _add_own(lines, record)
    if not add_context(lines, message, context, tag, dialect.version_header):
        return None
    for name, start in message.names.in_order if message.attributes else ():
        data_type, text = message.attributes[name]
        if start is None or data_type[:6] == "Binary":
            return None
        lines.append(f"{HEADER_PREFIX}{name}: {text}\r\n")
    text = "".join(lines)
    return text if all_legal(text, len(lines) + 2) else None  # the first has three lines


def _add_own(lines: list[str], record: Record) -> None:
    if record.key is not None:  # beyond ASCII it is not legal
        lines.append(f"x-kafka-key: {record.key.decode('latin-1')}\r\n")
    if record.timestamp_ms is not None:
        lines.append(f"x-kafka-timestamp: {record.timestamp_ms}\r\n")
    if record.value is None:
        lines.append(f"{TOMBSTONE}: true\r\n")


def _legal_lines(
    message: Message, record: Record, tag: str, room: int, dialect: HeaderDialect, context: Message
) -> str:
    headers = HeaderList(room, ENCODED, BINARY)
    headers.add("x-kafka-topic", record.topic)
    headers.add("x-kafka-partition", str(record.partition))
    headers.add("x-kafka-offset", str(record.offset))
    if record.key is not None:
        _add_key(headers, record.key)
    if record.timestamp_ms is not None:
        headers.add("x-kafka-timestamp", str(record.timestamp_ms))
    if record.value is None:
        headers.add(TOMBSTONE, "true")
    add_content_type(headers, message, _usual_content_type(message, record))
    add_trace_context(headers, context)
    add_baggage(headers, context.carrier, dialect.version_header, tag)
    add_attributes(headers, message, HEADER_PREFIX)
    return headers.render()


def _add_key(headers: HeaderList, key: bytes) -> None:
    try:
        headers.add_optional("x-kafka-key", key.decode())
    except UnicodeDecodeError:
        headers.add_optional("x-kafka-key", b64encode(key).decode(), binary=_KEY)


def _usual_content_type(message: Message, record: Record) -> str:
    if record.value is not None and not message.is_json and not _is_text(record.value):
        return "application/octet-stream"
    return usual_content_type(message)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
