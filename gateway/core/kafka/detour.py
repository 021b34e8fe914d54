"""Where records go that another version does not take while their partition is behind."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.core.kafka.past import Past

AGAIN_SECONDS: Final = 1.0
"""Between two times that records are wanted back."""


class Detour(Enum):
    """Where records go that another version does not take while their partition is behind."""

    NONE = auto()  # they wait on
    TO_STABLE = auto()
    PARKED = auto()  # into `to_park`, in place of being delivered


class Detours:
    """The records of one partition that take their detour; `count` is how many did.

    A record takes it that its version did not take, and so does each later one of its key, until
    the partition has caught up. One that could not be parked is its version's again, since that
    may have come back: else it would hold up the partition for as long as it cannot be parked. The
    one that parks counts what is parked.
    """

    __slots__ = ("_keys", "_parks", "_wanted_at", "count")

    def __init__(self, detour: Detour) -> None:
        self.count = 0
        self._parks = detour is Detour.PARKED
        self._keys: set[bytes] = set()
        self._wanted_at = -AGAIN_SECONDS

    def take(self, key: bytes | None, past: Past | None) -> bool:
        """Return whether a record takes it; count those that go to stable."""
        if past is not None and past.elsewhere:
            if key is not None:
                self._keys.add(key)
        elif key not in self._keys or (self._parks and past is not None):
            return False
        self.count += not self._parks
        return True

    def end(self) -> None:
        """Have none take it from now on."""
        self._keys.clear()

    def want_back(self, now: float) -> bool:
        """Return whether what is out and waits for a slot is to go back: not at each look."""
        if now < self._wanted_at + AGAIN_SECONDS:
            return False
        self._wanted_at = now
        return True
