"""How far a partition may be committed, and how far it is known to be."""

from __future__ import annotations

from collections import deque


class Watermark:
    """The offsets of a partition from the lowest that is not settled on, and its commits.

    `line` has these offsets, `newest` is the newest that was received, -1 without one, `added` says
    how many were. Commits are counted in records too, since offsets have gaps.
    """

    __slots__ = ("_asked", "_confirmed", "added", "line", "newest")

    def __init__(self) -> None:
        self.line: deque[int] = deque()
        self.newest = -1
        self.added = 0
        self._asked: deque[tuple[int, int]] = deque()  # offsets, and how many are below each
        self._confirmed = 0

    @property
    def offset(self) -> int | None:
        """The offset to commit: all below it is settled. None where nothing was received."""
        if self.line:
            return self.line[0]
        return None if self.newest < 0 else self.newest + 1

    @property
    def passed(self) -> int:
        """How many records are below the offset to commit."""
        return self.added - len(self.line)

    @property
    def uncommitted(self) -> int:
        """How many records were received that are not known to be committed."""
        return self.added - self._confirmed

    @property
    def unasked(self) -> int:
        """How many are below the offset to commit and above the last one that was asked for."""
        return self.passed - (self._asked[-1][1] if self._asked else self._confirmed)

    def ask(self) -> None:
        """Note that a commit of the offset is asked for."""
        offset = self.offset
        if offset is not None:
            self._asked.append((offset, self.passed))

    def confirm(self, offset: int) -> None:
        """Note that an offset is committed: it is one of all below it, too."""
        while self._asked and self._asked[0][0] <= offset:
            self._confirmed = self._asked.popleft()[1]
