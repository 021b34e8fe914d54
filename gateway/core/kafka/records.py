"""The message that is made of a record."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final

from gateway.core.messages.message import Attribute, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.core.messages.record import Record

BASE64_MARK: Final = "base64:"
"""Begins the group of a key that is no UTF-8; one that begins so by itself is encoded too, so that
no two keys are one group."""

_NO_ATTRIBUTES: Final[Mapping[str, Attribute]] = {}
_new_tuple = tuple.__new__  # of a named tuple: faster than a call of its class


def message_of(
    read: Record, receive_count: int = 1, generation: int = 0, original: Record | None = None
) -> Message:
    """Return the message of a record that was read.

    `generation` is that of the assignment of its partition. `original` is what to deliver where
    that is another record, which was parked: the message is called by what was read.
    """
    place = place_name(read[0], read[1], generation)
    return messages_of([(read, receive_count)], place, lambda _: original)[0]


def messages_of(
    taken: Iterable[tuple[Record, int]],
    place: str,
    original_of: Callable[[Record], Record | None] | None = None,
) -> list[Message]:
    """Return the messages of records, each with its receive count; all are of one place."""
    made = []
    begin = place.index("#") + 1
    for read, receive_count in taken:
        receipt = f"{place}/{read[2]}"
        record = read if original_of is None else original_of(read) or read
        key, value, headers, sent_ms = record[3], record[4], record[5], record[6]
        made.append(
            Message(
                receipt[begin:],
                "" if value is None else value.decode("utf-8", "surrogateescape"),
                receipt,
                attributes_of(headers) if headers else _NO_ATTRIBUTES,
                None if key is None else group_of(key),
                None,
                receive_count,
                0 if sent_ms is None else sent_ms,
                record=record,
            )
        )
    return made


def attributes_of(headers: tuple[tuple[str, bytes | None], ...]) -> dict[str, Attribute]:
    """Return the headers as attributes: of a name the last one counts, and null is absent."""
    attributes: dict[str, Attribute] = {}
    for name, content in headers:
        if content is None:
            attributes.pop(name, None)
            continue
        try:
            attributes[name] = _new_tuple(Attribute, ("String", content.decode()))
        except UnicodeDecodeError:
            attributes[name] = Attribute("Binary", b64encode(content).decode())
    return attributes


def group_of(key: bytes) -> str:
    """Return the text of a key, which no other key has."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return BASE64_MARK + b64encode(key).decode()
    if ":" in text and text.startswith(BASE64_MARK):  # most have none, which is found sooner
        return BASE64_MARK + b64encode(key).decode()
    return text


def place_name(topic: str, partition: int, generation: int) -> str:
    """Return what the receipts of one assignment of a partition have in common: all but offsets."""
    return f"{generation}#{topic}/{partition}"


def place_of(receipt: str) -> tuple[str, int]:
    """Return the name of the place of a receipt, and its offset."""
    place, _, offset = receipt.rpartition("/")
    return place, int(offset)
