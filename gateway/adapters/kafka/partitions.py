"""The partitions that are read, on the loop: their windows, and which assignment each is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.kafka.dead_letter import original_of
from gateway.core.kafka.detour import Detour
from gateway.core.kafka.plan import WhenBehind
from gateway.core.kafka.records import messages_of, place_name, place_of
from gateway.core.kafka.window import PartitionWindow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.adapters.kafka.listener import Part
    from gateway.core.kafka.partition_view import PartitionView
    from gateway.core.kafka.plan import KafkaPlan
    from gateway.core.messages.message import Message
    from gateway.core.messages.record import Record


class Partition:
    """One partition, for one assignment of it. `revoking`: it is being finished."""

    __slots__ = ("committed", "generation", "part", "paused", "place", "revoking", "window")

    def __init__(self, part: Part, generation: int, window: PartitionWindow) -> None:
        self.part = part
        self.generation = generation
        self.place = place_name(*part, generation)
        self.window = window
        self.paused = False
        self.revoking = False
        self.committed: int | None = None

    @property
    def long_uncommitted(self) -> bool:
        """Whether a quarter of `max_behind` was settled since a commit was asked for."""
        return self.window.watermark.unasked >= self.window.max_behind / 4


class Partitions:
    """All of them, by topic and number."""

    def __init__(self, plan: KafkaPlan) -> None:
        self._plan = plan
        self._parking = None if plan.parking is None else plan.parking.name
        self._partitions: dict[Part, Partition] = {}
        self._line: list[Partition] = []  # the next to be asked first
        self._places: dict[str, Partition] = {}  # by what their receipts begin with

    def __iter__(self) -> Iterator[Partition]:
        """Give each of them."""
        return iter(self._line)

    def assign(self, generations: Mapping[Part, int]) -> None:
        """Begin windows of new assignments."""
        for part, generation in generations.items():
            self._partitions[part] = Partition(part, generation, self._window(part[0]))
        self._changed()

    def drop(self, parts: Sequence[Part]) -> None:
        """Forget partitions and what was received of them."""
        for part in parts:
            self._partitions.pop(part, None)
        self._changed()

    def get(self, part: Part) -> Partition | None:
        """Return a partition, None where it is not assigned."""
        return self._partitions.get(part)

    def is_revoking(self, part: Part) -> bool:
        """Whether a partition is assigned and is being taken away."""
        partition = self._partitions.get(part)
        return partition is not None and partition.revoking

    def add(self, part: Part, records: Sequence[Record]) -> Partition | None:
        """Take records into the window of their partition; None where it is not assigned."""
        partition = self._partitions.get(part)
        if partition is not None:
            partition.window.add(records)
        return partition

    def take(self, limit: int, now: float) -> list[Message]:
        """Give up to `limit` messages to deliver, of each partition in turn first."""
        found: list[Message] = []
        line = self._line
        if len(line) > 1:
            self._line = line = [*line[1:], line[0]]
        for partition in line:
            taken = partition.window.take(limit - len(found), now)
            if taken:
                parked = partition.part[0] == self._parking
                found += messages_of(taken, partition.place, original_of if parked else None)
        return found

    def settle(self, receipts: Sequence[str]) -> list[int]:
        """Settle the records of receipts; return the positions of those that are not given out."""
        found: dict[str, list[int]] = {}
        for receipt in receipts:
            place, offset = place_of(receipt)
            offsets = found.get(place)
            if offsets is None:
                found[place] = offsets = []
            offsets.append(offset)
        refused = []
        for place, offsets in found.items():
            partition = self._places.get(place)
            settle = _refuse_all if partition is None else partition.window.settle_all
            indexes = settle(offsets)
            if indexes:
                positions = [at for at, each in enumerate(receipts) if place_of(each)[0] == place]
                refused += [positions[each] for each in indexes]
        return refused

    def of_receipt(self, receipt: str) -> tuple[Partition, int] | None:
        """Return partition and offset of a receipt, None where it is of another assignment."""
        place, offset = place_of(receipt)
        partition = self._places.get(place)
        return None if partition is None else (partition, offset)

    def wanting_back(self, now: float) -> list[Partition]:
        """Return those that want records back that wait for a slot."""
        return [each for each in self._line if each.window.wants_back(now)]

    def next_due_at(self) -> float | None:
        """When the first of those is due that went back."""
        times = [
            each.window.next_due_at for each in self._line if each.window.next_due_at is not None
        ]
        return min(times, default=None)

    def left(self) -> int:
        """How many records were received that are neither settled nor given out."""
        return sum(each.window.left for each in self._line)

    def to_commit(self) -> dict[Part, tuple[int, int]]:
        """Return generation and offset of those that moved since this was asked last."""
        moved = {}
        for each in self._line:
            offset = each.window.commit_offset
            if offset is not None and offset != each.committed:
                each.committed = offset
                each.window.watermark.ask()
                moved[each.part] = each.generation, offset
        return moved

    def offsets(self, parts: Sequence[Part] | None = None) -> dict[Part, int]:
        """Return the offsets of these partitions, or of all, where anything was received."""
        chosen = [each for each in self._line if parts is None or each.part in parts]
        found = {each.part: each.window.commit_offset for each in chosen}
        return {part: offset for part, offset in found.items() if offset is not None}

    def views(self) -> list[PartitionView]:
        """Describe them as they stand."""
        return [each.window.view(*each.part) for each in sorted(self._line, key=lambda p: p.part)]

    def _changed(self) -> None:
        self._line = list(self._partitions.values())
        self._places = {each.place: each for each in self._line}

    def _window(self, topic: str) -> PartitionWindow:
        plan = self._plan
        detour = Detour.NONE
        if plan.parking is not None:
            detour = Detour.NONE if topic == self._parking else Detour.PARKED
        elif plan.when_behind is WhenBehind.FALLBACK:
            detour = Detour.TO_STABLE
        return PartitionWindow(plan.order, plan.max_behind, detour)


def _refuse_all(offsets: Sequence[int]) -> list[int]:
    return list(range(len(offsets)))
