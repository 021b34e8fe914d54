"""A partition as it stands at one moment."""

from __future__ import annotations

from typing import NamedTuple


class PartitionView(NamedTuple):
    """What the admin API shows of a partition that is read.

    `behind` is in records, from the lowest that is not settled to the newest received. `paused`: no
    more of it is fetched at the moment. `blocked` counts what a rejected record holds up: keys, or
    the partition, or with no order each such record. `oldest` is the offset of the lowest record
    that is not settled, None without one. `detours`: how often a record went to stable or to the
    parking topic since the partition was assigned, as `when_behind` says.
    """

    topic: str
    partition: int
    behind: int
    paused: bool = False
    blocked: int = 0
    oldest: int | None = None
    detours: int = 0
