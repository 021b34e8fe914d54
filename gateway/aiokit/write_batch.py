"""Writes of many connections, done together at the end of a turn of the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Writer(Protocol):
    """A connection that has something to write."""

    def write(self) -> None:
        """Write, unless it is not wanted any more."""


class WriteBatch:
    """Calls `write` of all writers at the end of this turn of the loop, one right after the other.

    Written one by one, each request would find the receiving process asleep and wake it, which is
    most of what a write costs (docs/adr/0008-callbacks-instead-of-a-task-for-each-message.md). One
    batch serves all routes: a turn that has few messages of each route has many in all.
    """

    __slots__ = ("_soon", "_writers")

    def __init__(self) -> None:
        self._writers: list[Writer] = []
        self._soon: Callable[[Callable[[], None]], object] | None = None

    def put(self, writer: Writer) -> None:
        """Call its `write` at the end of this turn of the loop."""
        if not self._writers:
            if self._soon is None:  # once: each lookup asks the kernel for the process id
                self._soon = asyncio.get_running_loop().call_soon
            self._soon(self._write)
        self._writers.append(writer)

    def _write(self) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.write()
