"""The progress of the load: bars on a terminal, a few lines elsewhere."""

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
    """A bar for the orders that A accepted, and one for each path."""

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
        self._bars_by_tag = {
            tag: self._progress.add_task("-".join(path), total=messages)
            for tag, path in PATHS.items()
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def observe(self, load: Load) -> None:
        """Update the bars."""
        arrived = Counter(tag_of(sighting.path) for sighting in load.sightings)
        self._progress.update(self._taken, completed=len(load.orders))
        for tag, bar in self._bars_by_tag.items():
            self._progress.update(bar, completed=arrived[tag])


class Lines:
    """A line whenever another quarter of the orders has arrived."""

    def __init__(self, line: Callable[[str], None], messages: int) -> None:
        self._line = line
        self._messages = messages
        self._quarters = 0

    def observe(self, load: Load) -> None:
        """Print a line if another quarter has arrived."""
        arrived = len(load.sightings)
        quarters = arrived * QUARTERS // self._messages
        if quarters > self._quarters:
            self._quarters = quarters
            self._line(f"  {arrived:,} of {self._messages:,} have arrived at D")
