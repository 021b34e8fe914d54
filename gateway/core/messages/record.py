"""What only a Kafka record has, beside the message that is made of it."""

from __future__ import annotations

from typing import NamedTuple

Headers = list[tuple[str, bytes | None]]
"""Of a record that is produced, in their order, repeats kept."""


class Record(NamedTuple):
    """Where a record is, and what it is made of, unchanged.

    `key` None: it has none. `value` None: a tombstone. `headers` are in the record's order, repeats
    kept. `timestamp_ms`, milliseconds since the epoch, None where the broker says none. A tuple,
    since a frozen dataclass takes several times as long to make.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp_ms: int | None = None
