"""What an open dashboard costs: messages a second without one and with one, by turns."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from statistics import median
from typing import TYPE_CHECKING, Final

from tools.bench.report import table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from tools.bench.throughput import Run

OPEN: Final = (0, 1)
"""How many dashboards are open, turn about."""

_REQUEST: Final = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
_FRAME: Final = b"\nid: "
_CHUNK: Final = 2**16


class NoFrameError(Exception):
    """A stream brought no frame, so that nothing was measured."""


@asynccontextmanager
async def opened(count: int, port: int) -> AsyncIterator[None]:
    """Read this many streams of an admin port, as browsers do; raises NoFrameError."""
    frames = [0] * count
    begun = [asyncio.Event() for _ in frames]
    reading = [
        asyncio.create_task(_read(port, place, frames, begun[place])) for place in range(count)
    ]
    for event in begun:
        await event.wait()
    try:
        yield
    finally:
        for task in reading:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    if not all(frames):
        raise NoFrameError("a dashboard was open and got no frame")


def ratios(runs: Mapping[int, Sequence[Run]]) -> dict[int, float]:
    """Return the rate in units of that without a dashboard, as medians over the turns."""
    return {
        count: median(run.rate / bare.rate for run, bare in zip(found, runs[0], strict=False))
        for count, found in runs.items()
    }


def text(runs: Mapping[int, Sequence[Run]]) -> str:
    """Return the figures."""
    head = ["dashboards", "msg/s", "of that without", "CPU us/msg", "lost", "doubled"]
    rows = [
        [
            str(count),
            f"{median(run.rate for run in found):,.0f}",
            f"{ratios(runs)[count]:.3f}",
            f"{median(run.cpu_us_per_message for run in found):.1f}",
            str(sum(run.lost for run in found)),
            str(sum(run.doubled for run in found)),
        ]
        for count, found in runs.items()
    ]
    return table(head, rows)


async def _read(port: int, place: int, frames: list[int], begun: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_REQUEST)
        while part := await reader.read(_CHUNK):
            frames[place] += part.count(_FRAME)
            begun.set()
    finally:
        begun.set()
        writer.close()
