"""What became of a record before."""

from __future__ import annotations


class Past:
    """What became of a record that went back."""

    __slots__ = ("attempts", "blocked", "waited")

    def __init__(self) -> None:
        self.attempts = 0
        self.blocked = False
        self.waited = False  # the last time that it went back
