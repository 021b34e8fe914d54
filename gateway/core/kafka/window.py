"""The window of a partition: its records that were received and are not committed.

It holds back what has to wait for another record, gives again what goes back, and says how far the
offsets may be committed: up to the lowest record that is not settled, by the offsets that were
really received, since compaction and transactions leave gaps. Nothing costs more than a logarithm.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from gateway.core.kafka.attempts import TO_STABLE
from gateway.core.kafka.detour import Detour, Detours
from gateway.core.kafka.partition_view import PartitionView
from gateway.core.kafka.past import Past
from gateway.core.kafka.plan import Order
from gateway.core.kafka.record_size import record_bytes
from gateway.core.kafka.watermark import Watermark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.core.kafka.release_cause import ReleaseCause
    from gateway.core.messages.record import Record

MAX_HELD_BYTES: Final = 16 * 1024 * 1024
"""What one partition may hold, beside `max_behind`: as much as librdkafka fetches ahead of it."""

RESUMED: Final = 0.5
"""Of both bounds: what has fallen behind has caught up when no more than this is left."""

_PARTITION_KEY: Final = b""

Taken = tuple["Record", int]
"""A record, and its receive count: attempts made + 1, above TO_STABLE where it goes to stable."""


class PartitionWindow:
    """The window of one partition, for one assignment of it; times are those of any one clock.

    `behind` is in records, from the lowest that is not settled to the newest in the window, and
    `held_bytes` what those take that are not settled. `fallen_behind` is set at `max_behind`
    records from what is known to be committed on, or `max_bytes`, until half of both is left: no
    more is to be fetched meanwhile, and what is added all the same waits outside, as if it were not
    received. So a kill repeats no more than `max_behind`.
    `blocked` counts rejected records that hold up others, or themselves, and `detours` those
    that took their detour. `to_park` is emptied by the one that parks its records and then settles
    them, or releases them. Records that go back are given before newer ones, and older ones first.
    """

    def __init__(
        self,
        order: Order,
        max_behind: int,
        detour: Detour = Detour.NONE,
        max_bytes: int = MAX_HELD_BYTES,
    ) -> None:
        self.fallen_behind = False
        self.held_bytes = 0
        self.blocked = 0
        self.detours = Detours(detour)
        self.to_park: list[Record] = []
        self._by_key = order is Order.KEY  # an enum's member is looked up anew each time
        self._ordered = order is not Order.NONE
        self.max_behind = max_behind
        self._max_bytes = max_bytes
        self._detour = detour
        self.watermark = Watermark()
        self._top = -1  # the highest that is settled
        self._closing = False
        self._outside: deque[Record] = deque()  # received while it had fallen behind
        self._held: dict[int, tuple[Record, int]] = {}  # not settled; and what each takes
        self._out: set[int] = set()
        self._fresh: deque[Record] = deque()  # may be taken, never were
        self._ready: list[int] = []  # a heap: may be taken, were held back or went back
        self._due: list[tuple[float, int]] = []  # a heap: when they may be taken again
        self._keys: dict[bytes, deque[Record] | None] = {}  # what waits behind one of its key
        self._pasts: dict[int, Past] = {}

    @property
    def behind(self) -> int:
        """How many records lie between what may be committed and the newest."""
        return len(self.watermark.line)

    @property
    def out(self) -> int:
        """How many records were taken and neither settled nor released."""
        return len(self._out)

    @property
    def left(self) -> int:
        """How many records are neither settled nor out: ready, held back or due later."""
        return len(self._held) - len(self._out)

    @property
    def unfinished(self) -> bool:
        """Whether records are out, or one below a settled one is to come that has not failed."""
        line = self.watermark.line
        gap = bool(line) and line[0] < self._top
        past = self._pasts.get(line[0]) if gap else None
        return bool(self._out) or (gap and (past is None or past.waited))

    @property
    def next_due_at(self) -> float | None:
        """When the first of those is due that went back; None where none is waiting for that."""
        return self._due[0][0] if self._due else None

    @property
    def commit_offset(self) -> int | None:
        """The offset to commit: all below it is settled. None where nothing was received."""
        return self.watermark.offset

    def view(self, topic: str, partition: int) -> PartitionView:
        """Describe the partition as it stands."""
        line = self.watermark.line
        found = self.fallen_behind, self.blocked, line[0] if line else None, self.detours.count
        return PartitionView(topic, partition, len(line), *found)

    # ---- in -------------------------------------------------------------------------------

    def add(self, records: Iterable[Record]) -> None:
        """Take records in, in order; those that are not above the newest are ignored."""
        if self._closing:
            return
        rest = iter(records)
        if not self.fallen_behind:
            self._let_in(rest)
        self._outside.extend(rest)

    def close(self) -> None:
        """From now on give no more than the records below those that are settled.

        Only when these are settled too are the others not delivered again by the next member.
        """
        self._closing = True
        self._outside.clear()

    def _let_in(self, records: Iterator[Record]) -> None:
        """Take records into the window until it has fallen behind."""
        held, fresh, keys, mark = self._held, self._fresh, self._keys, self.watermark
        by_key, ordered, line = self._by_key, self._ordered, mark.line
        newest, total, uncommitted = mark.newest, self.held_bytes, mark.uncommitted
        before, most, most_bytes = uncommitted, self.max_behind, self._max_bytes
        for record in records:
            offset = record[2]
            if offset <= newest:
                continue
            newest = offset
            size = record_bytes(record)
            total += size
            held[offset] = record, size
            line.append(offset)
            key = (record[3] if by_key else _PARTITION_KEY) if ordered else None
            if key is None:
                fresh.append(record)
            elif key not in keys:
                keys[key] = None
                fresh.append(record)
            else:
                behind = keys[key]
                if behind is None:
                    keys[key] = behind = deque()
                behind.append(record)
            uncommitted += 1
            if uncommitted >= most or total >= most_bytes:
                self.fallen_behind = True
                break
        mark.newest, self.held_bytes = newest, total
        mark.added += uncommitted - before
        if self._detouring:
            self._ready_for_detour()

    # ---- out ------------------------------------------------------------------------------

    def take(self, limit: int, now: float) -> list[Taken]:
        """Give up to `limit` records to deliver, the oldest first; `now` is on the clock of due_at.

        Of a key, or of the partition, no more than one is out.
        """
        while self._due and self._due[0][0] <= now:
            heappush(self._ready, heappop(self._due)[1])
        detours = self._detouring
        fresh, ready, out = self._fresh, self._ready, self._out
        taken: list[Taken] = []
        while len(taken) < limit:
            if self._closing and not self._has_gap():
                break
            if ready and not (fresh and fresh[0][2] < ready[0]):
                record = self._held[heappop(ready)][0]
            elif fresh:
                record = fresh.popleft()
                if not detours:  # as nearly always
                    out.add(record[2])
                    taken.append((record, 1))
                    continue
            else:
                break
            out.add(record[2])
            past = self._pasts.get(record[2])
            count = 1 if past is None else past.attempts + 1
            key = (record[3] if self._by_key else _PARTITION_KEY) if self._ordered else None
            if not (detours and self.detours.take(key, past)):
                taken.append((record, count))
            elif self._detour is Detour.TO_STABLE:
                taken.append((record, count + TO_STABLE))
            else:
                self.to_park.append(record)
        return taken

    def wants_back(self, now: float) -> bool:
        """Whether records that are out and wait for a slot are to go back, for their detour."""
        return self._detouring and self.detours.want_back(now)

    @property
    def _detouring(self) -> bool:
        return self.fallen_behind and self._detour is not Detour.NONE

    def _has_gap(self) -> bool:
        """Whether the next record is below one that is settled."""
        fresh = bool(self._fresh) and self._fresh[0][2] < self._top
        return fresh or (bool(self._ready) and self._ready[0] < self._top)

    # ---- back -----------------------------------------------------------------------------

    def settle(self, offset: int) -> bool:
        """Take a record out of the window; False where it is not out, so nothing changes."""
        return not self.settle_all((offset,))

    def settle_all(self, offsets: Sequence[int]) -> list[int]:
        """Take records out of the window; return the indexes of those that are not out."""
        out, held, keys, pasts = self._out, self._held, self._keys, self._pasts
        by_key, ordered = self._by_key, self._ordered
        freed, refused = 0, []
        for index, offset in enumerate(offsets):
            if offset not in out:
                refused.append(index)
                continue
            out.remove(offset)
            record, size = held.pop(offset)
            freed += size
            if offset > self._top:  # noqa: PLR1730 - faster, on each record
                self._top = offset
            if pasts and (past := pasts.pop(offset, None)) is not None:
                self.blocked -= past.blocked
            key = (record[3] if by_key else _PARTITION_KEY) if ordered else None
            if key is not None:
                behind = keys[key]
                if behind:  # the next of the key is ready
                    heappush(self._ready, behind.popleft()[2])
                else:
                    del keys[key]
        self.held_bytes -= freed
        line = self.watermark.line
        while line and line[0] not in held:
            line.popleft()
        if self.fallen_behind:
            self._catch_up()
        return refused

    def release(
        self, offset: int, due_at: float, cause: ReleaseCause, *, elsewhere: bool = False
    ) -> bool:
        """Keep a record until it is due, and what follows it; False where it is not out.

        `elsewhere`: it was for another version than stable, and takes its detour at once.
        """
        if offset not in self._out:
            return False
        self._out.discard(offset)
        past = self._pasts.setdefault(offset, Past())
        self.blocked += past.went_back(cause, elsewhere=elsewhere)
        if past.elsewhere and self._detouring:
            heappush(self._ready, offset)
        else:
            heappush(self._due, (due_at, offset))
        return True

    def _ready_for_detour(self) -> None:
        """Have what is to take its detour ready: no backoff is for stable or the parking topic."""
        self._ready += [offset for _, offset in self._due if self._pasts[offset].elsewhere]
        heapify(self._ready)
        self._due = [each for each in self._due if not self._pasts[each[1]].elsewhere]
        heapify(self._due)

    def confirm(self, offset: int) -> None:
        """Note that an offset is committed that the watermark asked for."""
        self.watermark.confirm(offset)
        if self.fallen_behind:
            self._catch_up()

    def _catch_up(self) -> None:
        few = self.watermark.uncommitted <= self.max_behind * RESUMED
        if few and self.held_bytes <= self._max_bytes * RESUMED:
            self.fallen_behind = False
            self.detours.end()
            outside, self._outside = iter(self._outside), deque()
            self._let_in(outside)
            self._outside.extend(outside)
