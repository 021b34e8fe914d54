"""What became of a record before."""

from __future__ import annotations

from gateway.core.kafka.release_cause import ReleaseCause


class Past:
    """What became of a record that went back."""

    __slots__ = ("attempts", "blocked", "elsewhere", "waited")

    def __init__(self) -> None:
        self.attempts = 0
        self.blocked = False
        self.waited = False  # the last time that it went back
        self.elsewhere = False  # likewise: its version was another than stable, and may take it yet

    def went_back(self, cause: ReleaseCause, *, elsewhere: bool) -> int:
        """Note why it went back; return by how much the number of blocked records changes."""
        rejected = cause is ReleaseCause.REJECTED
        self.elsewhere = elsewhere and not rejected
        self.waited = cause is ReleaseCause.WAITED
        if self.waited:
            return 0
        self.attempts += 1
        change = rejected - self.blocked
        self.blocked = rejected
        return change
