"""Polls beyond the first of each route: how many there may be, of all routes together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

MOST: Final = 64
"""With a round trip of 10 ms these bring 64,000 messages a second, more than a core can move. What
they would bring beyond that only fills memory and connections: 500 busy routes of 20 polls each had
100,000 messages in hand, and each message cost seven times as much."""

MOST_OF_ONE: Final = 31  # 10,000 messages a second take 10 where a round trip takes 10 ms


class ExtraPolls:
    """Shares them out: a busy route has its part of them, and one at least while any is left."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._of: dict[Hashable, int] = {}  # routes that have any
        self._all = 0

    def begin(self, route: Hashable) -> bool:
        """Take one for a route, if it may have one more."""
        has = self._of.get(route, 0)
        if self._all >= self._most or has >= self._part(len(self._of) + (not has)):
            return False
        self._of[route] = has + 1
        self._all += 1
        return True

    def may_go_on(self, route: Hashable) -> bool:
        """Whether a route has no more than its part, now that others may have become busy."""
        return self._of[route] <= self._part(len(self._of))

    def end(self, route: Hashable) -> None:
        """Give one back."""
        self._all -= 1
        self._of[route] -= 1
        if not self._of[route]:
            del self._of[route]

    def _part(self, routes: int) -> int:
        return min(MOST_OF_ONE, max(1, self._most // routes))
