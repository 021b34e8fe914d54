"""The last decisions of each route; they are kept only while a dashboard is open."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Decision

KEPT: Final = 100
"""Decisions of one route."""

Row = tuple[float, str, str | None, str, str | None, int | None]
"""When (Unix time), message id, version, reason, rule, bucket."""


class DecisionLog:
    """Remembers decisions; `now` is Unix time. Nothing of a message's content is kept."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._fresh: dict[str, deque[tuple[float, str, Decision]]] = {}
        self._kept: dict[str, deque[Row]] = {}

    def note(self, route: str, message: Message, decision: Decision) -> None:
        """Remember a decision. It is called for every message: it does as little as it can."""
        fresh = self._fresh.get(route)
        if fresh is None:
            fresh = self._fresh[route] = deque(maxlen=KEPT)
        fresh.append((self._now(), message.message_id, decision))

    def take(self, routes: Iterable[str]) -> dict[str, list[Row]]:
        """Return the decisions since the last call, of these routes; forget all other routes."""
        fresh, self._fresh = self._fresh, {}
        rows = {name: [_row(*each) for each in fresh.get(name, ())] for name in routes}
        kept = {name: self._kept.get(name) or deque[Row](maxlen=KEPT) for name in rows}
        for name, new in rows.items():
            kept[name].extend(new)
        self._kept = kept
        return rows

    def kept(self, route: str) -> list[Row]:
        """Return the last decisions of a route that :meth:`take` has returned."""
        return list(self._kept.get(route, ()))

    def clear(self) -> None:
        """Forget all."""
        self._fresh, self._kept = {}, {}


def _row(at: float, message_id: str, decision: Decision) -> Row:
    version = None if decision.version is None else decision.version.name
    return round(at, 3), message_id, version, decision.reason.value, decision.rule, decision.bucket
