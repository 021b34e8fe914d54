"""The load as it runs, for those who watch a terminal and those who read a log."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console

from gateway.demo.progress import Bars, Lines
from tests.unit.demo.audits import good_run

if TYPE_CHECKING:
    from gateway.demo.load import Load


class LoadSoFar:
    """What the progress reads of a load."""

    def __init__(self, arrived: int) -> None:
        orders, sightings = good_run()
        self.orders: dict[str, Any] = {order.name: order for order in orders}
        self.sightings = sightings[:arrived]


def load(arrived: int) -> Load:
    return cast("Load", LoadSoFar(arrived))


def test_a_line_is_printed_at_each_quarter_and_only_then() -> None:
    lines: list[str] = []
    progress = Lines(lines.append, 100)
    for arrived in (0, 10, 24, 25, 26, 60, 60, 99, 100):
        progress.observe(load(arrived))
    assert lines == [f"  {n} of 100 have arrived at D" for n in (25, 60, 99, 100)]


def test_bars_count_what_a_accepted_and_what_took_each_path() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    with Bars(console, 100) as bars:
        bars.observe(load(50))
    shown = screen.getvalue()
    assert [text for text in ("100/100", "45/100", "5/100") if text not in shown] == []
