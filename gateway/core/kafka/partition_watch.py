"""What deserves a warning of partitions that do not get on, as looks at them follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.core.kafka.partition_view import PartitionView
    from gateway.core.kafka.plan import KafkaPlan

    Said = tuple[str, str]
    """What is, and what to do."""

PAUSED_SECONDS: Final = 30.0
"""Below that a pause is how a topic that is quicker than its service is read."""

WITHOUT_SECONDS: Final = 60.0
"""Well above what a group takes to share its partitions out."""

_WITHOUT: Final = (
    "fine where the group has more members than the topic has partitions; else see who has them:"
    " kafka-consumer-groups --describe --members --group {group}"
)
_PAUSED: Final = (
    "see `last_error` and the wait of each version in /api/routes; mend the slow one, or say"
    " another `when_behind`"
)
_BLOCKED: Final = "mend the service, or name a topic in `reject` for records that no service takes"


class PartitionWatch:
    """Yields each warning once, and again only after it was over."""

    def __init__(self, plan: KafkaPlan) -> None:
        self._plan = plan
        self._without: float | None = None  # since when
        self._paused: dict[PartitionView, float] = {}  # likewise, by topic and number alone
        self._warned: set[object] = set()

    def look(self, now: float, views: Sequence[PartitionView]) -> Iterator[Said]:
        """Yield what is to be said of the partitions as they are at `now`."""
        yield from self._look_for_any(now, views)
        since = {_place(each): each for each in views if each.paused}
        self._paused = {place: self._paused.get(place, now) for place in since}
        for place, each in since.items():
            if now - self._paused[place] >= PAUSED_SECONDS and self._first(("paused", place)):
                yield self._of_paused(each), _PAUSED
        for each in views:
            if each.blocked and self._first(("blocked", _place(each))):
                yield _of_blocked(each), _BLOCKED
        going_on = {("paused", place) for place in since}
        going_on |= {("blocked", _place(each)) for each in views if each.blocked}
        self._warned &= going_on | {"without"}

    def _look_for_any(self, now: float, views: Sequence[PartitionView]) -> Iterator[Said]:
        topic, group = self._plan.topic.name, self._plan.group
        if any(each.topic == topic for each in views):
            self._without = None
            self._warned.discard("without")
            return
        if self._without is None:
            self._without = now
        if now - self._without >= WITHOUT_SECONDS and self._first("without"):
            what = f"no partition of topic {topic} is assigned to this gateway by group {group}"
            yield what, _WITHOUT.format(group=group)

    def _of_paused(self, view: PartitionView) -> str:
        return (
            f"{_name(view)} is not read since {PAUSED_SECONDS:.0f} s: it is {view.behind:,} records"
            f" behind (max_behind {self._plan.max_behind:,}), the first at offset {view.oldest}"
        )

    def _first(self, warning: object) -> bool:
        """Whether this was not said yet; it is from now on."""
        said = warning in self._warned
        self._warned.add(warning)
        return not said


def _place(view: PartitionView) -> PartitionView:
    """Return what does not change of a partition."""
    return view._replace(behind=0, paused=False, blocked=0, oldest=None)


def _name(view: PartitionView) -> str:
    return f"partition {view.partition} of topic {view.topic}"


def _of_blocked(view: PartitionView) -> str:
    return (
        f"{_name(view)} has a record that was rejected and holds up what follows it in its order;"
        f" the first record that is not settled is at offset {view.oldest}"
    )
