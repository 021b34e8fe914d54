"""Why a message goes back to a log."""

from __future__ import annotations

from enum import Enum, auto


class ReleaseCause(Enum):
    """Why a message goes back to its source."""

    WAITED = auto()  # it was not sent: it found no slot, or the route stops
    FAILED = auto()
    REJECTED = auto()  # its version will never take it, or it had its last attempt
