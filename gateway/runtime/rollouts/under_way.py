"""Finds the deliveries that the evidence waits for."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from gateway.runtime.in_flight import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from gateway.runtime.in_flight import InFlightMessage
    from gateway.runtime.recorder import Recorder


def find_oldest(
    entries: Iterable[InFlightMessage],
    recorders: Collection[Recorder],
    has_hung: Callable[[float], bool],
) -> float:
    """Return when the oldest delivery began whose outcome one of the recorders awaits.

    One that has hung is noted, and not waited for. Infinite where there is none.
    """
    oldest = inf
    for entry in entries:
        recorder = None if entry.plan is None else entry.plan.evidence
        if recorder is None or entry.counted or entry.state is not State.DELIVERING:
            continue
        if recorder not in recorders or not recorder.awaits(entry.message):
            continue
        if has_hung(entry.began_at):
            recorder.hung(entry.message, entry.began_at)
            entry.counted = True
        else:
            oldest = min(oldest, entry.began_at)
    return oldest
