"""What one route follows: the last good object, compiled for it, and what became of the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.routing.mesh.delegates import merged
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.plan import ObjectKind, ObjectName
from gateway.core.routing.mesh.reader import InvalidObject
from gateway.follow_port import FollowView

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.mesh.evaluator import FollowedDecision
    from gateway.core.routing.mesh.plan import FollowPlan
    from gateway.core.routing.mesh.values import FollowedObject
    from gateway.runtime.following.watched import WatchedObject

    Find = Callable[[ObjectName], WatchedObject]


class RouteFollowing:
    """Compiles the object of one route; `find` returns an object, watched from then on."""

    def __init__(self, route: str, plan: FollowPlan, find: Find) -> None:
        self.route = route
        self.plan = plan
        self.followed: Followed | None = None
        """The last good object; None: there is none, and stable gets what no rule takes."""
        self.is_read = False
        """Whether the API has said once what there is, delegates included."""
        self.problem = ""
        self.since: float | None = None
        self._find = find
        self._good: FollowedObject | None = None
        self._made_of: tuple[tuple[ObjectName, int], ...] | None = None
        self._watched: tuple[WatchedObject, ...] = ()
        self._unmapped = 0
        self._unroutable = 0

    def adopt(self, plan: FollowPlan) -> None:
        """Follow by another plan: with the last good object, unless it is another one's.

        Where that object has none of the plan's versions stable gets all.
        """
        if plan == self.plan:
            return
        if plan.object != self.plan.object:
            self._good, self.is_read, self.problem = None, False, ""
        self.plan = plan
        self._made_of = None
        try:
            self.followed = self._compile(self._good)
        except InvalidObject:
            self.followed = None

    @property
    def objects(self) -> tuple[ObjectName, ...]:
        """The object, and its delegates."""
        return (self.plan.object, *(each.name for each in self._watched[1:]))

    def look(self) -> None:
        """Compile what has changed; the last good object stays where the newest is invalid."""
        root = self._find(self.plan.object)
        if not root.answered:
            return
        try:
            seen = root.read()
            delegates = () if seen is None else self._delegates(seen)
            self._watched = (root, *delegates)
            if not all(each.answered for each in self._watched):
                return
            made_of = tuple((each.name, each.changes) for each in self._watched)
            self.is_read = True
            if made_of == self._made_of:
                return
            self._made_of = made_of
            seen = None if seen is None else _with(seen, delegates)
            self.followed, self._good = self._compile(seen), seen
            self.problem, self.since = "", root.changed_at
        except InvalidObject as error:
            self.is_read = True
            self.problem = str(error)

    def _delegates(self, seen: FollowedObject) -> tuple[WatchedObject, ...]:
        to = dict.fromkeys(each.delegate for each in seen.routes if each.delegate is not None)
        kind = ObjectKind.VIRTUAL_SERVICE
        return tuple(self._find(ObjectName(kind, each.namespace, each.name)) for each in to)

    def _compile(self, seen: FollowedObject | None) -> Followed | None:
        if seen is None:
            return None
        return Followed(seen, self.plan.follow, self.plan.versions, self._count)

    def _count(self, found: FollowedDecision) -> None:
        self._unmapped += found.unmapped
        self._unroutable += found.unroutable

    def view(self) -> FollowView:
        """Return it as it stands."""
        root = self._find(self.plan.object)
        lost = next((each for each in (root, *self._watched) if each.why), None)
        out_of_reach = any(each.out_of_reach for each in (root, *self._watched))
        followed = self.followed
        return FollowView(
            self.route,
            str(self.plan.object),
            found=root.found,
            valid=self.is_read and not self.problem and not out_of_reach,
            problem=self.problem or (lost.why if lost else ""),
            not_applied=followed.not_applied if followed is not None else "",
            since=self.since,
            synced_at=root.synced_at,
            unmapped=self._unmapped,
            unroutable=self._unroutable,
            destinations={} if followed is None else followed.named_destinations,
            notes=() if followed is None else followed.notes,
        )


def _with(seen: FollowedObject, delegates: tuple[WatchedObject, ...]) -> FollowedObject:
    """Return an object with its delegates merged into it; raises InvalidObject."""
    if not delegates:
        return seen
    found = (each.read() for each in delegates)
    return merged(seen, [each for each in found if each is not None])
