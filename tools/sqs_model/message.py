"""What the model knows of a message; users of the model derive their own from it."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class Stage(IntEnum):
    """Where a message stands; a number, since queues count by it."""

    DELAYED = 0
    VISIBLE = 1
    LEASED = 2
    DELETED = 3
    MOVED = 4


# Bound once: looking a member up in its class costs more than all else that a step does.
DELAYED: Final = Stage.DELAYED
VISIBLE: Final = Stage.VISIBLE
LEASED: Final = Stage.LEASED
DELETED: Final = Stage.DELETED
MOVED: Final = Stage.MOVED


class Event(StrEnum):
    """What can happen to a message; the number that goes with it is in parentheses."""

    RECEIVED = "received"
    """(the receive count)"""
    HANDED_OUT_AGAIN = "handed_out_again"
    LEASE_ENDED = "lease_ended"
    VISIBILITY_CHANGED = "visibility_changed"
    """(seconds)"""
    DELETED = "deleted"
    DELETED_AGAIN = "deleted_again"
    DELETE_IGNORED = "delete_ignored"
    MOVED = "moved"
    PURGED = "purged"


class Message:
    """One message in one queue. Times are in seconds, on the clock of the calls.

    `sequence` is its position in the queue, set by the queue. `visible_at` is when its delay or
    lease ends, `received_at` the latest receive; `first_received_at` is 0 until there was one.
    """

    __slots__ = (
        "first_received_at",
        "group",
        "receive_count",
        "received_at",
        "sequence",
        "stage",
        "visible_at",
    )

    def __init__(self, group: str | None = None) -> None:
        self.sequence = 0
        self.group = group
        self.stage = VISIBLE
        self.visible_at = 0.0
        self.received_at = 0.0
        self.first_received_at = 0.0
        self.receive_count = 0

    @property
    def gone(self) -> bool:
        """Whether it was deleted, or moved by the redrive policy."""
        return self.stage is DELETED or self.stage is MOVED
