"""What deserves a warning of partitions that do not get on, as looks at them follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.kafka.partition_view import PartitionView
    from gateway.core.kafka.plan import KafkaPlan

    Place = tuple[str, int]
    Said = tuple[str, str]
    """What is, and what to do."""

PAUSED_SECONDS: Final = 30.0
"""Below that a pause is how a topic that is quicker than its service is read."""

WITHOUT_SECONDS: Final = 60.0
"""Well above what a group takes to share its partitions out."""

DETOURS_SECONDS: Final = 60.0
"""A detour that long after the last one is another, and said again."""

_WITHOUT: Final = (
    "fine where the group has more members than the topic has partitions; else see who has them:"
    " kafka-consumer-groups --describe --members --group {group}"
)
_PAUSED: Final = (
    "see `last_error` and the wait of each version in /api/routes; mend the slow one, or say"
    " another `when_behind`"
)
_DETOURS: Final = (
    "see `last_error` and the wait of each version in /api/routes, and how many they are in"
    " gateway_kafka_detours_total"
)
_BLOCKED: Final = "mend the service, or name a topic in `reject` for records that no service takes"


class PartitionWatch:
    """Says each warning once, and again only after it was over."""

    def __init__(self, plan: KafkaPlan) -> None:
        self._plan = plan
        self._without: float | None = None  # since when
        self._paused: dict[Place, float] = {}  # likewise
        self._detours: dict[Place, int] = {}  # as counted at the last look
        self._detoured: tuple[float, PartitionView] | None = None  # the last time, and the first
        self._warned: set[tuple[str, Place | None]] = set()

    def look(self, now: float, views: Sequence[PartitionView]) -> list[Said]:
        """Return what is to be said of the partitions as they are at `now`."""
        self._paused = {
            _place(view): self._paused.get(_place(view), now) for view in views if view.paused
        }
        self._look_for_detours(now, views)
        found = self._find(now, views)
        said = [words for about, words in found.items() if about not in self._warned]
        self._warned = set(found)
        return said

    def _find(
        self, now: float, views: Sequence[PartitionView]
    ) -> dict[tuple[str, Place | None], Said]:
        """Return all that is the case."""
        found: dict[tuple[str, Place | None], Said] = {}
        if self._is_without(now, views):
            found["without", None] = self._of_none()
        if self._detoured is not None:
            found["detours", None] = self._of_detours(self._detoured[1]), _DETOURS
        for view in views:
            place = _place(view)
            if now - self._paused.get(place, now) >= PAUSED_SECONDS:
                found["paused", place] = self._of_paused(view), _PAUSED
            if view.blocked:
                found["blocked", place] = _of_blocked(view), _BLOCKED
        return found

    def _look_for_detours(self, now: float, views: Sequence[PartitionView]) -> None:
        """Note whether records took their detour since the last look, or not for long."""
        before, self._detours = self._detours, {_place(view): view.detours for view in views}
        new = [view for view in views if view.detours not in {0, before.get(_place(view))}]
        if new:
            self._detoured = now, new[0] if self._detoured is None else self._detoured[1]
        elif self._detoured is not None and now - self._detoured[0] >= DETOURS_SECONDS:
            self._detoured = None

    def _is_without(self, now: float, views: Sequence[PartitionView]) -> bool:
        if any(view.topic == self._plan.topic.name for view in views):
            self._without = None
            return False
        if self._without is None:
            self._without = now
        return now - self._without >= WITHOUT_SECONDS

    def _of_none(self) -> Said:
        topic, group = self._plan.topic.name, self._plan.group
        what = f"no partition of topic {topic} is assigned to this gateway by group {group}"
        return what, _WITHOUT.format(group=group)

    def _of_detours(self, view: PartitionView) -> str:
        parking = self._plan.parking
        where = "stable" if parking is None else f"topic {parking.name}"
        return (
            f"{_name(view)} was {self._plan.max_behind:,} records behind (max_behind), so records"
            f" that wait for another version than stable go to {where}, as `when_behind` says"
        )

    def _of_paused(self, view: PartitionView) -> str:
        return (
            f"{_name(view)} is not read since {PAUSED_SECONDS:.0f} s: it is {view.behind:,} records"
            f" behind (max_behind {self._plan.max_behind:,}), the first at offset {view.oldest}"
        )


def _place(view: PartitionView) -> Place:
    return view.topic, view.partition


def _name(view: PartitionView) -> str:
    return f"partition {view.partition} of topic {view.topic}"


def _of_blocked(view: PartitionView) -> str:
    return (
        f"{_name(view)} has a record that was rejected and holds up what follows it in its order;"
        f" the first record that is not settled is at offset {view.oldest}"
    )
