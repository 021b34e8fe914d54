"""What a replica tells of one route's rollout: each change once, of this replica or another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.events import RolloutChanged
from gateway.core.rollout.next_state import weights_entry
from gateway.core.rollout.route_state import RouteState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.rollout.kept import Kept
    from gateway.core.rollout.route_state import Stored
    from gateway.core.rollout.state import Entry
    from gateway.ports import Observer


class RolloutChanges:
    """Emits the changes of one route. `wall` gives Unix time."""

    def __init__(self, route: str, observer: Observer, wall: Callable[[], float]) -> None:
        self._route = route
        self._observer = observer
        self._wall = wall
        self._seen: RouteState | None = None  # of it, and before, nothing is emitted any more
        self._emitted: Kept | None = None

    def emit_kept(self, kept: Kept | None, stored: Stored | None) -> None:
        """Emit, once, what is in force here although it could not be stored."""
        if kept is None or kept is self._emitted:
            return
        self._emitted = kept
        for entry in _new_entries(stored if isinstance(stored, RouteState) else None, kept.after):
            self._observer.observe(RolloutChanged(self._route, entry, entry.cause, here=True))

    def skip(self, kept: Kept | None, stored: Stored | None) -> None:
        """Emit nothing more of what was kept, and is stored by now."""
        if kept is not None and kept is self._emitted and isinstance(stored, RouteState):
            self._seen = stored

    def emit_stored(self, stored: Stored | None, *, here: bool, by: str) -> bool:
        """Emit what is new; return whether a step has begun. `here`: by this replica."""
        before = self._seen
        if not isinstance(stored, RouteState):
            return False
        self._seen = stored
        if before is None and not here:
            return False  # the process has just begun
        trial_before = None if before is None else before.trial
        if stored.trial is not None and trial_before != stored.trial:
            for entry in _new_entries(before, stored):
                self._observer.observe(RolloutChanged(self._route, entry, entry.cause, here=here))
            begun = stored.trial.evidence_at_step
            return trial_before is None or trial_before.evidence_at_step != begun
        set_before = None if before is None else before.override
        if set_before != stored.override:
            entry = weights_entry("", None, set_before, stored.override, self._wall(), by)
            self._observer.observe(RolloutChanged(self._route, entry, here=here))
        return False


def _new_entries(before: RouteState | None, after: RouteState) -> Sequence[Entry]:
    if after.trial is None:
        return ()
    known = () if before is None or before.trial is None else before.trial.history
    return [entry for entry in after.trial.history if entry not in known]
