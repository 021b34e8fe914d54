"""What a replica may do that does not reach the shared state. Pure.

The others may have lowered the canary's weight, or aborted, since this replica last heard of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

CAUTIOUS_SECONDS: Final = 15.0
"""After it the canary gets at most the lowest weight known, and no weight is raised."""

CUT_OFF_SECONDS: Final = 60.0
"""After it the canary gets nothing by the split, unless it is promoted or set by hand."""


def may_raise(silent_seconds: float) -> bool:
    """Whether a replica that last reached the state so long ago may raise a weight, or promote."""
    return silent_seconds < CAUTIOUS_SECONDS


def limit_weight(
    weight: int, known: Iterable[int], silent_seconds: float, *, settled: bool = False
) -> int:
    """Return the canary's weight, in per cent, where `weight` would be in force.

    `known` are the weights that this replica knows of: of the last state read, of its own decisions
    that it could not store, and the one that was in force; none where the state was never read.
    `settled`: the canary is promoted, or its weight set by hand.
    """
    if silent_seconds < CAUTIOUS_SECONDS:
        return weight
    if silent_seconds >= CUT_OFF_SECONDS and not settled:
        return 0
    return min(weight, min(known, default=0))
