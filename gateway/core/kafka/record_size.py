"""The memory that a record takes while it is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.core.messages.record import Record

RECORD_BYTES: Final = 560
"""What a record takes beside its key, its value and its headers, as measured; and each header."""

HEADER_BYTES: Final = 150


def record_bytes(record: Record) -> int:
    """Return the memory that a record takes, more or less."""
    key, value, headers = record[3], record[4], record[5]
    size = RECORD_BYTES
    if key is not None:
        size += len(key)
    if value is not None:
        size += len(value)
    for name, content in headers:
        size += HEADER_BYTES + len(name) + (0 if content is None else len(content))
    return size
