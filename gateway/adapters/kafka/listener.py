"""What the thread of a consumer tells the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.messages.record import Record
    from gateway.ports import SourceError

Part = tuple[str, int]
"""A topic, and the number of a partition of it."""


class Listener(NamedTuple):
    """What the thread tells, each called on the loop.

    `assigned` takes generations, `records` records, by partition. `revoking` takes partitions, and
    what to call with the offsets to commit once nothing of them is under way. `lost` takes
    partitions whose offsets may no longer be committed, `reset` what was wrong with an offset and
    where it goes on, `committed` the offsets of a commit, `uncommitted` why one failed. `trouble`
    takes why nothing comes, None once that is over, `ended` why the thread ended by itself.
    """

    assigned: Callable[[Mapping[Part, int]], None]
    records: Callable[[Mapping[Part, list[Record]]], None]
    revoking: Callable[[Sequence[Part], Callable[[Mapping[Part, int]], None]], None]
    lost: Callable[[Sequence[Part]], None]
    reset: Callable[[Part, str, str], None]
    committed: Callable[[Mapping[Part, int]], None]
    uncommitted: Callable[[str], None]
    trouble: Callable[[SourceError | None], None]
    ended: Callable[[SourceError], None]
