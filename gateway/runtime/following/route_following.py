"""What one route follows: the last good object, compiled for it, and what became of the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.routing.mesh.plan import ObjectKind, ObjectName
from gateway.core.routing.mesh.reader import InvalidObject, short
from gateway.follow_port import FollowView
from gateway.runtime.following.compiling import Work
from gateway.runtime.following.watched import MOST_VALUES_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.mesh.evaluator import Followed
    from gateway.core.routing.mesh.outcomes import FollowedDecision
    from gateway.core.routing.mesh.plan import FollowPlan
    from gateway.core.routing.mesh.values import FollowedObject
    from gateway.runtime.following.compiling import Made, MadeOf
    from gateway.runtime.following.watched import Aside, WatchedObject

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
        self._good: Work | None = None
        self._made_of: MadeOf | None = None
        """What was compiled last, good or not; None: nothing yet for this plan."""
        self._ready: Made | None = None
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
        tried, problem = self._made_of, self.problem
        self.followed = self._made_of = self._ready = None
        made = None if self._good is None else self._good._replace(plan=plan).act()
        if made is not None and not isinstance(made.result, InvalidObject):
            self._put_in_force(made)
            if made.work.made_of != tried:  # the newest is another one, which was refused
                self.problem = problem

    @property
    def objects(self) -> tuple[ObjectName, ...]:
        """The object, and its delegates."""
        return (self.plan.object, *(each.name for each in self._watched[1:]))

    def look(self) -> None:
        """Put in force what has changed; the last good object stays where the newest is invalid.

        Large objects have to be ready, but for a plan of which nothing has been in force yet.
        """
        try:
            if not self._find_all() or not self._all_known:
                return
        except InvalidObject as error:
            self.is_read, self.problem = True, str(error)
            return
        self.is_read = True
        made, self._ready = self._ready if self._is_large else None, None
        if made is None and (self._made_of is None or not self._is_large):
            made = self._plan_work().act() if self._made_of != self._now else None
        if made is not None:
            self._put_in_force(made)

    async def prepare(self, aside: Aside) -> bool:
        """Read and compile large objects beside the event loop; return whether there were any."""
        plan = self.plan
        busy = await self._find(plan.object).prepare(aside)
        try:
            if plan is not self.plan or not self._find_all():
                return busy
            for each in self._watched[1:]:
                busy = await each.prepare(aside) or busy
            known = plan is self.plan and self._all_known
            if not known or not self._is_large or self._made_of == self._now:
                return busy
            work = self._plan_work()
        except InvalidObject:  # which the next look tells
            return busy
        made = await aside(work.act)
        if plan is self.plan:
            self._ready = made
        return True

    def _find_all(self) -> bool:
        """Find the object and its delegates; False: it is not known. Raises InvalidObject."""
        root = self._find(self.plan.object)
        if not root.is_known:
            return False
        seen = root.read()
        self._watched = (root, *(() if seen is None else self._delegates(seen)))
        return True

    @property
    def _all_known(self) -> bool:
        """Whether there is enough to compile.

        Where something is in force, a delegate out of reach that was never read is none: else it
        would hold back every change of its root, an abort too.
        """
        may_miss = self._made_of is not None
        return all(each.is_known or (may_miss and each.out_of_reach) for each in self._watched)

    def _delegates(self, seen: FollowedObject) -> tuple[WatchedObject, ...]:
        wanted = (each.delegate for each in seen.routes if not each.blocked)
        to = dict.fromkeys(each for each in wanted if each is not None)
        kind = ObjectKind.VIRTUAL_SERVICE
        return tuple(self._find(ObjectName(kind, each.namespace, each.name)) for each in to)

    @property
    def _now(self) -> MadeOf:
        return tuple((each.name, each.number) for each in self._watched)

    @property
    def _is_large(self) -> bool:
        return sum(each.values for each in self._watched) > MOST_VALUES_AT_ONCE

    def _plan_work(self) -> Work:
        """Return what is to be compiled, read by now; a delegate that is invalid is so here."""
        objects: list[FollowedObject | InvalidObject | None] = []
        for each in self._watched:
            try:
                objects.append(each.read())
            except InvalidObject as error:
                objects.append(error)
        since = self._watched[0].read_from
        return Work(self._now, since, tuple(objects), self.plan, self._count)

    def _put_in_force(self, made: Made) -> None:
        self._made_of = made.work.made_of
        if isinstance(made.result, InvalidObject):
            self.problem = str(made.result)
        else:
            self.followed, self.problem, self.since = made.result, "", made.work.since
            self._good = None if made.result is None else made.work

    def _count(self, found: FollowedDecision) -> None:
        self._unmapped += found.unmapped
        self._unroutable += found.unroutable

    def view(self) -> FollowView:
        """Return it as it stands."""
        root = self._find(self.plan.object)
        lost = next((each for each in (root, *self._watched) if each.why), None)
        out_of_reach = any(each.out_of_reach for each in (root, *self._watched))
        followed, host = self.followed, self.plan.follow.host
        return FollowView(
            self.route,
            str(self.plan.object),
            host=host if followed is None else short(followed.host),
            read=self.is_read,
            found=root.found,
            valid=self.is_read and not self.problem and not out_of_reach,
            problem=self.problem or (lost.why if lost else ""),
            not_applied=followed.not_applied if followed is not None else "",
            since=self.since,
            synced_at=root.synced_at,
            unmapped=self._unmapped,
            unmapped_share=0.0 if followed is None else followed.unmapped_share,
            unroutable=self._unroutable,
            destinations={} if followed is None else followed.named_destinations,
            destinations_left_out=0 if followed is None else followed.destinations_left_out,
            notes=() if followed is None else followed.notes,
        )
