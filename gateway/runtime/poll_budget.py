"""Polls beyond the first of each route: how many there may be, of all routes together (ADR 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

MOST: Final = 64
"""Extra polls of all routes. More than these bring no more than one core can move; they only fill
memory and connections."""

MOST_OF_ONE: Final = 31
"""Extra polls of one route."""


class PollBudget:
    """Shares the extra polls out: a busy route has its share, at least one while any is left."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._of: dict[Hashable, int] = {}  # routes that have any
        self._all = 0

    def acquire(self, route: Hashable) -> bool:
        """Take one for a route, if it may have one more."""
        has = self._of.get(route, 0)
        if self._all >= self._most or has >= self._share(len(self._of) + (not has)):
            return False
        self._of[route] = has + 1
        self._all += 1
        return True

    def may_keep(self, route: Hashable) -> bool:
        """Whether a route has no more than its share, now that others may have become busy."""
        return self._of[route] <= self._share(len(self._of))

    def release(self, route: Hashable) -> None:
        """Give one back."""
        self._all -= 1
        self._of[route] -= 1
        if not self._of[route]:
            del self._of[route]

    def _share(self, routes: int) -> int:
        return min(MOST_OF_ONE, max(1, self._most // routes))
