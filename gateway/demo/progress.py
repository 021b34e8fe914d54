"""The load as it runs: bars on a terminal, a few lines anywhere else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gateway.demo.audit import PATHS, tag_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from gateway.demo.load import Load

QUARTERS: Final = 4


class Bars:
    """A bar for what A took and one for each way through the chain."""

    def __init__(self, console: Console, messages: int) -> None:
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._taken = self._progress.add_task("taken by A", total=messages)
        self._ways = {
            tag: self._progress.add_task("-".join(path), total=messages)
            for tag, path in PATHS.items()
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def observe(self, load: Load) -> None:
        """Show what there is by now."""
        arrived = Counter(tag_of(sighting.path) for sighting in load.sightings)
        self._progress.update(self._taken, completed=len(load.orders))
        for tag, bar in self._ways.items():
            self._progress.update(bar, completed=arrived[tag])


class Lines:
    """A line whenever another quarter of the orders has arrived."""

    def __init__(self, line: Callable[[str], None], messages: int) -> None:
        self._line = line
        self._messages = messages
        self._said = 0

    def observe(self, load: Load) -> None:
        """Say what there is by now, if it is worth a line."""
        arrived = len(load.sightings)
        quarters = arrived * QUARTERS // self._messages
        if quarters > self._said:
            self._said = quarters
            self._line(f"  {arrived:,} of {self._messages:,} have come to D")
