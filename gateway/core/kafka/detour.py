"""Where records go that wait for another version while their partition has fallen behind."""

from __future__ import annotations

from enum import Enum, auto


class Detour(Enum):
    """Where records go that wait for another version while their partition has fallen behind."""

    NONE = auto()  # they wait on
    TO_STABLE = auto()
    PARKED = auto()  # into `to_park`, in place of being delivered
