"""Compiles what a route follows: nothing but values in and out, so that any thread may do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.core.routing.mesh.delegates import merged
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.plan import ObjectName
from gateway.core.routing.mesh.reader import InvalidObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.mesh.outcomes import FollowedDecision
    from gateway.core.routing.mesh.plan import FollowPlan
    from gateway.core.routing.mesh.values import FollowedObject

MadeOf = tuple[tuple[ObjectName, int], ...]
"""The object and its delegates, and which change of each."""


class Work(NamedTuple):
    """The object, then its delegates, as they were read; `on_stray` is for the compiled one.

    `made_of` says of which changes, `since` since when they have been there.
    """

    made_of: MadeOf
    since: float | None
    objects: tuple[FollowedObject | InvalidObject | None, ...]
    plan: FollowPlan
    on_stray: Callable[[FollowedDecision], None]

    def act(self) -> Made:
        """Compile."""
        return Made(self, self._result())

    def _result(self) -> Followed | InvalidObject | None:
        invalid = next((each for each in self.objects if isinstance(each, InvalidObject)), None)
        found = [each for each in self.objects if not isinstance(each, InvalidObject)]
        if invalid is not None or found[0] is None:
            return invalid
        try:
            delegates = [each for each in found[1:] if each is not None]
            seen = merged(found[0], delegates) if len(found) > 1 else found[0]
            return Followed(seen, self.plan.follow, self.plan.versions, self.on_stray)
        except InvalidObject as error:
            return error


class Made(NamedTuple):
    """What was compiled, and of what; None: there is no object."""

    work: Work
    result: Followed | InvalidObject | None
