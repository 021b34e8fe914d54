"""Which changes of what is followed are told, and when: each one, but not by the hundred."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from gateway.core.routing.mesh.events import FollowChanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.follow_port import FollowView

BURST: Final = 5
BURST_SECONDS: Final = 10.0
"""At most :data:`BURST` events of a route in this time; what is left out is counted in the next."""


class News:
    """Compares views with what was told last of each route.

    Where an event was left out the newest state is due later, so that what was told last is true
    again soon.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[object, ...]] = {}
        self._seen: dict[str, tuple[object, ...]] = {}
        self._left_out: dict[str, int] = {}
        self._times: dict[str, deque[float]] = {}
        self.due_at: float | None = None
        """When something that was left out is due, on the clock of `now`; None: nothing is."""

    def take(self, views: Sequence[FollowView], now: float) -> list[FollowChanged]:
        """Return what is to be told now."""
        self._forget(self._last.keys() - {view.route for view in views})
        self.due_at = None
        found = [self._event(view, now) for view in views if view.valid or view.problem]
        return [each for each in found if each is not None]

    def _event(self, view: FollowView, now: float) -> FollowChanged | None:
        route, news = view.route, _news(view)
        is_new = self._seen.get(route) != news
        self._seen[route] = news
        if self._last.get(route) == news:
            return None
        times = self._times.setdefault(route, deque(maxlen=BURST))
        if len(times) == BURST and now - times[0] < BURST_SECONDS:
            self._left_out[route] = self._left_out.get(route, 0) + is_new
            due_at = times[0] + BURST_SECONDS
            self.due_at = due_at if self.due_at is None else min(self.due_at, due_at)
            return None
        times.append(now)
        self._last[route] = news
        # The one that is told now may have been counted when it came.
        left_out = self._left_out.pop(route, 0) - (not is_new)
        return _event_of(view, max(0, left_out))

    def _forget(self, routes: set[str]) -> None:
        for route in routes:
            for known in (self._last, self._seen, self._left_out, self._times):
                known.pop(route, None)


def _news(view: FollowView) -> tuple[object, ...]:
    why = "" if view.valid else view.problem
    return view.object, view.found, view.valid, view.since, view.not_applied, why


def _event_of(view: FollowView, left_out: int) -> FollowChanged:
    return FollowChanged(
        view.route,
        view.object,
        view.found,
        view.valid,
        view.problem,
        view.not_applied,
        tuple(view.notes),
        left_out,
    )
