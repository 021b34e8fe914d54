"""The headers of a record that the gateway produces to a dead-letter topic, or parks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.kafka.attempts import attempts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.messages.message import Message
    from gateway.core.messages.record import Headers, Record

TOPIC: Final = "gateway-topic"
PARTITION: Final = "gateway-partition"
OFFSET: Final = "gateway-offset"
TIMESTAMP: Final = "gateway-timestamp"
ATTEMPTS: Final = "gateway-attempts"

_PLACE: Final = (TOPIC, PARTITION, OFFSET, TIMESTAMP)
"""What a parked record ends with, in this order."""


def dead_letter_headers(message: Message, marks: Mapping[str, str]) -> Headers:
    """Return the record's own headers, repeats kept, then the marks, its place and its attempts.

    `marks` are route, version, status and reason. Raises ValueError for a message of no record.
    """
    record = message.record
    if record is None:
        raise ValueError(f"message {message.message_id} is of no record")
    added = [(name, text.encode()) for name, text in marks.items()]
    attempts = (ATTEMPTS, b"%d" % attempts_of(message.receive_count))
    return [*record.headers, *added, *_place(record), attempts]


def parked_headers(record: Record) -> Headers:
    """Return the record's own headers, repeats kept, then its place."""
    return [*record.headers, *_place(record)]


def original_of(parked: Record) -> Record | None:
    """Return the record that was parked, as it was; None where this one was not parked.

    The last headers alone count: those before them are the record's own, of any name.
    """
    place = parked.headers[-len(_PLACE) :]
    texts = [text for (name, text), mark in zip(place, _PLACE, strict=False) if name == mark]
    if len(texts) < len(_PLACE):
        return None
    try:
        topic, partition, offset, timestamp = (
            "" if each is None else each.decode() for each in texts
        )
        return parked._replace(
            topic=topic,
            partition=int(partition),
            offset=int(offset),
            headers=parked.headers[: -len(_PLACE)],
            timestamp_ms=int(timestamp) if timestamp else None,
        )
    except ValueError:
        return None


def _place(record: Record) -> Headers:
    timestamp = record.timestamp_ms
    return [
        (TOPIC, record.topic.encode()),
        (PARTITION, b"%d" % record.partition),
        (OFFSET, b"%d" % record.offset),
        (TIMESTAMP, b"" if timestamp is None else b"%d" % timestamp),
    ]
