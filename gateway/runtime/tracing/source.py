"""A source whose receives and settlements are noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.log_port import LogSource
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from gateway.core.messages.message import Message
    from gateway.core.tracing.records import MessageTrace
    from gateway.log_port import PartitionView, Release
    from gateway.ports import Batch, EntryError, Source, SourceTraits
    from gateway.runtime.tracing.route import RouteTracing


class TracedSource:
    """A Source that notes what becomes of sampled messages; its releases alone set leases."""

    def __init__(self, source: Source, tracing: RouteTracing) -> None:
        self._source = source
        self._tracing = tracing

    async def open(self) -> SourceTraits:
        """Open the source."""
        traits = await self._source.open()
        self._tracing.opened(traits)
        return traits

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        """Receive, and hold what is sampled."""
        began_ns = self._tracing.now_ns()
        batch = await self._source.receive(limit, wait_seconds, lease_seconds)
        if batch:
            self._tracing.received(batch, began_ns)
        return batch

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """Delete."""
        traces = self._tracing.of(receipts)
        if not traces:
            return await self._source.ack(receipts)
        return await self._settle("delete", traces, len(receipts), self._source.ack(receipts))

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """Release."""
        traces = self._tracing.of([receipt for receipt, _ in leases])
        if not traces:
            return await self._source.set_leases(leases)
        return await self._settle("release", traces, len(leases), self._source.set_leases(leases))

    async def dead_letter(self, message: Message, attributes: Mapping[str, str]) -> tuple[str, ...]:
        """Send a copy."""
        began_ns = self._tracing.now_ns()
        try:
            dropped = await self._source.dead_letter(message, attributes)
        except SourceError as error:
            self._tracing.dead_lettered(message, began_ns, str(error))
            raise
        self._tracing.dead_lettered(message, began_ns, "")
        return dropped

    async def close(self) -> None:
        """Close the source."""
        await self._source.close()

    async def _settle(
        self,
        action: str,
        traces: Mapping[int, MessageTrace],
        messages: int,
        call: Awaitable[Mapping[int, EntryError]],
    ) -> Mapping[int, EntryError]:
        began_ns = self._tracing.now_ns()
        try:
            failed = await call
        except SourceError as error:
            self._tracing.settled(action, traces, messages, began_ns, error)
            raise
        self._tracing.settled(action, traces, messages, began_ns, failed)
        return failed


class TracedLogSource(TracedSource):
    """A LogSource that notes what becomes of sampled messages."""

    def __init__(self, source: LogSource, tracing: RouteTracing) -> None:
        super().__init__(source, tracing)
        self._log = source

    async def release(self, releases: Sequence[Release]) -> Mapping[int, EntryError]:
        """Release."""
        traces = self._tracing.of([each.receipt for each in releases])
        if not traces:
            return await self._log.release(releases)
        return await self._settle("release", traces, len(releases), self._log.release(releases))

    def on_lost(self, lost: Callable[[Callable[[Message], bool]], None]) -> None:
        """Have the source call `lost`."""
        self._log.on_lost(lost)

    def on_behind(self, behind: Callable[[Callable[[Message], bool]], None]) -> None:
        """Have the source call `behind`."""
        self._log.on_behind(behind)

    async def finish(self) -> None:
        """Finish the source."""
        await self._log.finish()

    @property
    def rebalances(self) -> int:
        """How often partitions came or went."""
        return self._log.rebalances

    def partitions(self) -> Sequence[PartitionView]:
        """Describe the partitions of the source."""
        return self._log.partitions()


def traced_source(source: Source, tracing: RouteTracing) -> TracedSource:
    """Return the source, of whichever kind it is, with its receives and settlements noted."""
    if isinstance(source, LogSource):
        return TracedLogSource(source, tracing)
    return TracedSource(source, tracing)
