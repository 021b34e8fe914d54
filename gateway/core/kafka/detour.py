"""Where records go that another version does not take while their partition is behind."""

from __future__ import annotations

from enum import Enum, auto


class Detour(Enum):
    """Where records go that another version does not take while their partition is behind."""

    NONE = auto()  # they wait on
    TO_STABLE = auto()
    PARKED = auto()  # into `to_park`, in place of being delivered
