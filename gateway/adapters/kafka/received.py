"""What a poll of librdkafka brought, as records: the part of it that each record passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.messages.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from confluent_kafka import KafkaError, Message

    from gateway.adapters.kafka.listener import Part

_NOWHERE: Final[Part] = ("", -1)
_new_tuple = tuple.__new__  # of a named tuple: faster than a call of its class


def records_of(
    messages: Iterable[Message], failed: Callable[[Message, KafkaError], None]
) -> dict[Part, list[Record]]:
    """Return the records of messages by partition, in order; `failed` gets those with an error."""
    found: dict[Part, list[Record]] = {}
    part = _NOWHERE
    records: list[Record] = []
    for message in messages:
        error = message.error()
        if error is not None:
            failed(message, error)
            continue
        record = record_of(message)
        if record[1] != part[1] or record[0] != part[0]:  # they come in runs
            part = (record[0], record[1])
            records = found.setdefault(part, [])
        records.append(record)
    return found


def record_of(message: Message) -> Record:
    """Return the record of a message of the library."""
    kind, timestamp = message.timestamp()
    headers: Any = message.headers()  # the values as they came: bytes, or None
    return _new_tuple(
        Record,
        (
            message.topic(),
            message.partition(),
            message.offset(),
            message.key(),
            message.value(),
            tuple(headers) if headers else (),
            timestamp if kind else None,
        ),
    )
