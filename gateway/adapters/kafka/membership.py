"""One member of a group, on the loop: it runs the consumer's thread and does what that tells.

It commits what is settled, keeps what is fetched within bounds, and drains partitions that go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.adapters.kafka.consumer_thread import ConsumerThread
from gateway.adapters.kafka.listener import Listener
from gateway.adapters.kafka.partitions import Partitions
from gateway.core.events import RouteWarned
from gateway.core.kafka.plan import Start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.adapters.kafka.listener import Part
    from gateway.adapters.kafka.partitions import Partition
    from gateway.core.kafka.plan import KafkaPlan
    from gateway.core.messages.message import Message
    from gateway.core.messages.record import Record
    from gateway.ports import SourceError

    Reply = Callable[[Mapping[Part, int]], None]

COMMIT_SECONDS: Final = 0.2
AGAIN_SECONDS: Final = 1.0
"""Before a commit is tried again that failed."""

LEAVE_SECONDS: Final = 5.0
"""The longest that a stop waits for the commit and for the group, while no broker is reached."""

AHEAD: Final = 2_000
"""Records that may be given out: more are fetched once half of it is left. The fewer, the sooner
each is used after it was made, which saves CPU: see docs/reference/benchmarks.md."""


class Membership:
    """What a member has: its partitions.

    `wake` is set when there may be something to give out. `trouble` says why nothing comes, None
    while something may. `rebalances` counts the times that partitions came or went. `short`: the
    last receive brought less than it might have. A partition that is taken away is drained for
    `revoke_seconds` at most.
    """

    def __init__(
        self, plan: KafkaPlan, route: str, observe: Callable[[RouteWarned], None], seconds: float
    ) -> None:
        self.partitions = Partitions(plan)
        self.wake = asyncio.Event()
        self.trouble: SourceError | None = None
        self.trouble_raised = False
        self.rebalances = 0
        self.short = False
        self.lost: Callable[[Callable[[Message], bool]], None] = lambda _: None
        self._plan = plan
        self._route = route
        self._observe = observe
        self._revoke_seconds = seconds
        self._thread: ConsumerThread | None = None
        self._enough = False
        self._commit_timer: asyncio.TimerHandle | None = None
        self._commit_failing = False
        self._finishing = False
        self._finished = asyncio.Event()
        self._revoking: list[tuple[Sequence[Part], Reply, asyncio.TimerHandle]] = []

    @property
    def joined(self) -> bool:
        """Whether there is a consumer."""
        return self._thread is not None

    async def join(self) -> None:
        """Make a consumer and have it join; raises SourceError."""
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[SourceError | None] = loop.create_future()
        listener = Listener(
            assigned=self._on_assigned,
            records=self._on_records,
            revoking=self._on_revoking,
            lost=self._on_lost,
            reset=self._on_reset,
            committed=self._on_committed,
            uncommitted=self._on_uncommitted,
            trouble=self._on_trouble,
            ended=self._on_ended,
        )
        thread = ConsumerThread(
            self._plan, listener, loop.call_soon_threadsafe, self._revoke_seconds
        )

        def on_opened(error: SourceError | None) -> None:
            if not opened.done():
                if error is None:  # at once: records may be the next that comes
                    self._thread, self._enough = thread, False
                opened.set_result(error)

        thread.start(on_opened)
        try:
            error = await opened
        except asyncio.CancelledError:
            self._thread = None
            thread.stop({})
            raise
        if error is not None:
            raise error

    async def leave(self) -> None:
        """Commit what is settled and leave the group."""
        thread, self._thread = self._thread, None
        if self._commit_timer is not None:
            self._commit_timer.cancel()
            self._commit_timer = None
        self._finish_revoking()
        if thread is not None:
            thread.stop(self.partitions.offsets())
            self.partitions.drop([each.part for each in self.partitions])
            await asyncio.to_thread(thread.join, LEAVE_SECONDS)

    async def finish(self) -> None:
        """Give out only what is below something settled; return once none of it is left."""
        self._finishing = True
        for each in self.partitions:
            each.window.close()
        self.lost(lambda _: True)  # what waits for a slot is given again where it is in a gap
        self.moved()
        await self._finished.wait()

    def moved(self) -> None:
        """Note that records were settled or went back."""
        for each in self.partitions:
            if each.paused:
                self._pace(each)
        self.wake.set()
        if any(each.long_uncommitted for each in self.partitions):
            self._commit()
        self._commit_later(COMMIT_SECONDS)
        if self._revoking and not self._unfinished(revoking=True):
            self._finish_revoking()
        if self._finishing and not self._unfinished():
            self._finished.set()

    def regulate(self) -> None:
        """Fetch more while what may be given out is little, or the last receive came short."""
        if self._thread is None:
            return
        least = AHEAD // 2 if self._enough else AHEAD
        enough = not self.short and self.partitions.left() >= least
        if enough != self._enough:
            self._enough = enough
            self._thread.hold(enough=enough)

    # ---- what the thread tells ------------------------------------------------------------

    def _on_assigned(self, generations: Mapping[Part, int]) -> None:
        self.rebalances += 1
        self.partitions.assign(generations)

    def _on_records(self, found: Mapping[Part, list[Record]]) -> None:
        if self._thread is not None:
            self._thread.taken()
        for part, records in () if self._finishing else found.items():
            partition = self.partitions.add(part, records)
            if partition is not None:
                self._pace(partition)
        self.regulate()
        self.wake.set()

    def _on_revoking(self, parts: Sequence[Part], reply: Reply) -> None:
        """Finish the partitions; reply once that is done, or the time is over."""
        self.rebalances += 1
        for part in parts:
            partition = self.partitions.get(part)
            if partition is not None:
                partition.revoking = True
                partition.window.close()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._revoke_seconds, self._finish_revoking)
        self._revoking.append((parts, reply, timer))
        self.lost(self._leaves)
        self.moved()

    def _leaves(self, message: Message) -> bool:
        found = self.partitions.of_receipt(message.receipt)
        return found is None or found[0].revoking

    def _unfinished(self, *, revoking: bool = False) -> bool:
        each_of = [each for each in self.partitions if each.revoking or not revoking]
        return any(each.window.unfinished for each in each_of)

    def _finish_revoking(self) -> None:
        """Leave the partitions with what is settled by now."""
        revoking, self._revoking = self._revoking, []
        for parts, reply, timer in revoking:
            timer.cancel()
            # One that was waited for too long may be assigned anew by now.
            going = [part for part in parts if self.partitions.is_revoking(part)]
            offsets = self.partitions.offsets(going)
            self._on_lost(going)
            reply(offsets)

    def _on_lost(self, parts: Sequence[Part]) -> None:
        self.partitions.drop(parts)
        self.lost(self._leaves)
        self.regulate()
        if self._finishing:
            self.moved()

    def _on_reset(self, part: Part, why: str, start: str) -> None:
        then = "it is read from its newest record on"
        if start == Start.EARLIEST:
            then = "it is read from its oldest record on"
        self._warn(
            f"partition {part[1]} of topic {part[0]}: {why}: {then}",
            "see whether records were deleted before they were read: the topic's retention",
        )

    def _on_committed(self, offsets: Mapping[Part, int]) -> None:
        self._commit_failing = False
        for part, offset in offsets.items():
            partition = self.partitions.get(part)
            if partition is not None:
                partition.window.confirm(offset)
                self._pace(partition)
        self.wake.set()  # what waited outside of a window may be given out

    def _on_uncommitted(self, why: str) -> None:
        for each in self.partitions:
            each.committed = None
        self._commit_later(AGAIN_SECONDS)
        if not self._commit_failing:
            self._commit_failing = True
            self._warn(why, "nothing is lost: what was settled since may be delivered again")

    def _on_trouble(self, trouble: SourceError | None) -> None:
        self.trouble, self.trouble_raised = trouble, False
        self.wake.set()

    def _on_ended(self, error: SourceError) -> None:
        """Have the next receive join anew: this consumer cannot go on."""
        self._thread = None
        self._finish_revoking()
        self._on_lost([each.part for each in self.partitions])
        self._on_trouble(error)

    def _warn(self, what: str, what_to_do: str) -> None:
        self._observe(RouteWarned(self._route, what, what_to_do))

    # ---- commits and bounds ---------------------------------------------------------------

    def _pace(self, partition: Partition) -> None:
        """Stop fetching a partition that fell behind, and fetch it again once it caught up."""
        behind = partition.window.fallen_behind
        if behind != partition.paused and self._thread is not None:
            partition.paused = behind
            change = self._thread.pause if behind else self._thread.resume
            change(partition.part)

    def _commit_later(self, seconds: float) -> None:
        if self._commit_timer is None and self._thread is not None:
            self._commit_timer = asyncio.get_running_loop().call_later(seconds, self._commit)

    def _commit(self) -> None:
        if self._commit_timer is not None:
            self._commit_timer.cancel()
            self._commit_timer = None
        moved = self.partitions.to_commit()
        if moved and self._thread is not None:
            self._thread.commit(moved)
