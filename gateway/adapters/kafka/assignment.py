"""The partitions that the group has assigned to this consumer; all of it runs in its thread.

Both protocols are incremental: what stays is neither touched nor fetched anew.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from gateway.adapters.kafka.errors import source_error
from gateway.core.kafka.plan import Start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from confluent_kafka import Consumer, KafkaError, Message

    from gateway.adapters.kafka.listener import Listener, Part
    from gateway.core.kafka.plan import KafkaPlan
    from gateway.core.messages.record import Record

    Emit = Callable[..., None]

COMMIT_SECONDS: Final = 10.0
LATE_SECONDS: Final = 5.0
"""How much longer than the loop's own bound the thread waits for it."""

COMMIT_TRIES: Final = 3
_OF_A_REBALANCE: Final = frozenset({"ILLEGAL_GENERATION", "REBALANCE_IN_PROGRESS"})
_NO_OFFSET: Final = "no previously committed offset"


class Assignment:
    """Assigns, revokes, pauses, commits. `closing`: nothing has to be drained any more."""

    def __init__(
        self, plan: KafkaPlan, listener: Listener, emit: Emit, revoke_seconds: float
    ) -> None:
        self.closing = False
        self._plan = plan
        self._listener = listener
        self._emit = emit
        self._revoke_seconds = revoke_seconds
        self._generations: dict[Part, int] = {}
        self._generation = 0
        self._newest: dict[Part, int] = {}
        self._paused: set[Part] = set()
        self._held = False

    # ---- the group ------------------------------------------------------------------------

    def on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Take new partitions; each begins at its committed offset."""
        consumer.incremental_assign(partitions)
        if partitions:
            self._begin([_part(each) for each in partitions])
        if self._held:
            consumer.pause(partitions)

    def on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Wait until their deliveries are done, for a bounded time, then commit and leave them."""
        parts = [_part(each) for each in partitions if _part(each) in self._generations]
        if parts and not self.closing:
            self.commit_now(consumer, self._drained(parts))
        self._forget(parts)
        consumer.incremental_unassign(partitions)

    def on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Leave partitions that others may have by now: commit nothing."""
        parts = [_part(each) for each in partitions]
        self._forget(parts)
        self._emit(self._listener.lost, parts)
        consumer.incremental_unassign(partitions)

    def _begin(self, parts: Sequence[Part]) -> None:
        self._generation += 1
        begun = dict.fromkeys(parts, self._generation)
        self._generations |= begun
        self._emit(self._listener.assigned, begun)

    def _drained(self, parts: Sequence[Part]) -> Mapping[Part, int]:
        """Return the offsets to commit once the loop has drained the partitions."""
        drained = threading.Event()
        offsets: dict[Part, int] = {}

        def reply(found: Mapping[Part, int]) -> None:
            offsets.update(found)
            drained.set()

        self._emit(self._listener.revoking, parts, reply)
        drained.wait(self._revoke_seconds + LATE_SECONDS)
        return dict(offsets)

    def _forget(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self._generations.pop(part, None)
            self._newest.pop(part, None)
            self._paused.discard(part)

    # ---- offsets --------------------------------------------------------------------------

    def handed(self, found: Mapping[Part, list[Record]]) -> None:
        """Note what the loop gets."""
        for part, records in found.items():
            self._newest[part] = records[-1].offset

    def commit(self, consumer: Consumer, offsets: Mapping[Part, tuple[int, int]]) -> None:
        """Commit (generation, offset) of partitions, those that were left meanwhile excepted."""
        current = {
            part: offset
            for part, (generation, offset) in offsets.items()
            if self._generations.get(part) == generation
        }
        if current:
            try:
                consumer.commit(offsets=_positions(current), asynchronous=True)
            except KafkaException as error:
                self._uncommitted(error)

    def on_commit(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
        """Take what came of a commit that was not awaited: `error` is of all partitions."""
        failed = error or next((each.error for each in partitions if each.error), None)
        done = [] if error else [each for each in partitions if not each.error]
        if done:
            self._emit(self._listener.committed, {_part(each): each.offset for each in done})
        if failed is not None:
            self._uncommitted(failed)

    def _uncommitted(self, error: KafkaError | KafkaException) -> None:
        self._emit(self._listener.uncommitted, str(source_error(error, "commit")))

    def commit_now(self, consumer: Consumer, offsets: Mapping[Part, int]) -> None:
        """Commit and wait for the confirmation.

        One that waited behind a rebalance is refused for the generation that it names; it is made
        again with that of now. What was lost meanwhile stays lost: that is told by a poll alone.
        """
        for left in reversed(range(COMMIT_TRIES if offsets else 0)):
            try:
                consumer.commit(offsets=_positions(offsets), asynchronous=False)
            except KafkaException as error:
                if left and error.args[0].name() in _OF_A_REBALANCE:
                    continue
                self._uncommitted(error)
            return

    def reset(self, consumer: Consumer, message: Message, error: KafkaError) -> None:
        """Begin where `start` says: there is no committed offset, or it is out of range."""
        part = (message.topic() or "", message.partition() or 0)
        if part not in self._generations:
            return
        out_of_range = _NO_OFFSET not in error.str()
        offset = self._start_of(consumer, part, exact=out_of_range)
        if out_of_range:
            self._emit(self._listener.reset, part, error.str(), self._plan.start.value)
        if offset >= 0 and offset <= self._newest.get(part, -1):  # the topic was made anew
            self._emit(self._listener.lost, [part])
            self._newest.pop(part, None)
            self._begin([part])
        place = TopicPartition(*part)
        consumer.incremental_unassign([place])
        consumer.incremental_assign([TopicPartition(*part, offset)])
        if self._held or part in self._paused:
            consumer.pause([place])
        if self._plan.start is Start.LATEST:  # else what comes before the first commit is skipped
            self.commit(consumer, {part: (self._generations[part], offset)})

    def _start_of(self, consumer: Consumer, part: Part, *, exact: bool) -> int:
        latest = self._plan.start is Start.LATEST
        if not latest and not exact:
            return OFFSET_BEGINNING
        place = TopicPartition(*part)
        low, high = consumer.get_watermark_offsets(place, timeout=COMMIT_SECONDS) or (0, 0)
        return high if latest else low

    # ---- what is fetched ------------------------------------------------------------------

    @property
    def has_paused(self) -> bool:
        """Whether a partition is paused."""
        return bool(self._paused)

    def pause(self, consumer: Consumer, part: Part) -> None:
        """Fetch no more of a partition."""
        if part in self._generations:
            self._paused.add(part)
            consumer.pause([TopicPartition(*part)])

    def resume(self, consumer: Consumer, part: Part) -> None:
        """Fetch more of a partition."""
        if part in self._paused:
            self._paused.discard(part)
            if not self._held:
                consumer.resume([TopicPartition(*part)])

    def hold(self, consumer: Consumer) -> None:
        """Fetch no more of any."""
        self._held = True
        consumer.pause([TopicPartition(*part) for part in self._generations])

    def let_go(self, consumer: Consumer) -> None:
        """Fetch more of all but the paused ones."""
        self._held = False
        more = [part for part in self._generations if part not in self._paused]
        consumer.resume([TopicPartition(*part) for part in more])


def _part(place: Any) -> Part:
    return place.topic, place.partition


def _positions(offsets: Mapping[Part, int]) -> list[TopicPartition]:
    return [TopicPartition(*part, offset) for part, offset in offsets.items()]
