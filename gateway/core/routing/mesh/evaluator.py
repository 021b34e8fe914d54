"""A followed object compiled for a route: it decides where the route's own rules do not.

Istio's order: routes as they are written, each match on its own, the first one that holds.
Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService-http
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.routing.decision import Decision, Reason
from gateway.core.routing.mesh.applicability import is_for_any, not_applied
from gateway.core.routing.mesh.destinations import DestinationMap
from gateway.core.routing.mesh.entries import EntryCompiler
from gateway.core.routing.mesh.entry_index import EntryIndex
from gateway.core.routing.mesh.follow import RequestHeaders, TooManyStepsError
from gateway.core.routing.mesh.names import names_of_client
from gateway.core.routing.mesh.outcomes import Copy, FollowedDecision
from gateway.core.routing.mesh.reader import first_notes
from gateway.core.routing.mesh.shown import check_mapped, destination_name, mirrors_left_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.messages.message import Message
    from gateway.core.routing.mesh.destinations import FollowingVersions
    from gateway.core.routing.mesh.follow import Follow
    from gateway.core.routing.mesh.values import FollowedObject
    from gateway.core.routing.version import Version

_MOST_SHOWN: Final = 100


class Followed:
    """Decides by an object as a producer's sidecar would.

    `on_stray` is called with each decision that :meth:`decide_for` makes for a share of no version,
    or where there is nowhere to route to. Raises InvalidObject where none of its destinations is a
    version.
    """

    def __init__(
        self,
        seen: FollowedObject,
        follow: Follow,
        following: FollowingVersions,
        on_stray: Callable[[FollowedDecision], None] | None = None,
    ) -> None:
        self._follow = follow
        self._on_stray = on_stray
        self._default = FollowedDecision(Decision(following.stable, Reason.DEFAULT))
        self._given_up = self._default._replace(unroutable=True)
        host = self.host = follow.host or seen.first_host
        self.not_applied = not_applied(seen, follow, host)
        """Why the object does not exist for the producer; empty where it does."""
        hosts = names_of_client(host, seen.namespace, follow.domain)
        known = DestinationMap(following, hosts)
        compiler = EntryCompiler(follow, following, known)
        entries = () if self.not_applied else compiler.entries(seen, host)
        self._entries = tuple((tuple(each.holds for each in tests), to) for tests, to in entries)
        self.notes = first_notes((*seen.notes, *self._left_out(seen, known)))
        """What of the object is not obeyed, in words."""
        self._index = EntryIndex((tests for tests, _ in entries), follow.usual_headers)
        whole = next((to for _, to in entries if to.reason is Reason.SPLIT), None)
        self.split = whole.share if whole else following.split({following.stable.name: 1})
        """The shares of what no match takes."""
        self.unmapped_share = whole.unmapped_share if whole else 0.0
        """The part of it that belongs to destinations that are no version, 0..1."""
        self.destinations = compiler.destinations(seen)
        """Each host with its subset, and the name of its version or None."""
        first = list(self.destinations.items())[:_MOST_SHOWN]
        self.named_destinations = {destination_name(*each): to for each, to in first}
        """The first destinations, for people: a subset behind a slash."""
        if not self.not_applied:
            if known.may_be(following.stable):
                check_mapped(self.destinations, known)
            if not any(is_for_any(each, follow, seen.namespace) for each in seen.routes):
                self.not_applied = "none of its routes is for this port, gateway and source"

    @property
    def mirror(self) -> Copy | None:
        """The version that gets copies, and the largest share of them; None: none does.

        Where routes mirror to different versions it is the first one.
        """
        copies = [each for _, outcome in self._entries for each in outcome.copies]
        if not copies:
            return None
        to = copies[0].to
        return Copy(to, min(100.0, max(each.percent for each in copies if each.to is to)))

    def _left_out(self, seen: FollowedObject, known: DestinationMap) -> tuple[str, ...]:
        """Name the mirrors that are not obeyed."""
        mirrors = [each for route in seen.routes for each in route.mirrors if each.percent > 0]
        if mirrors and not self._follow.mirror:
            return ("mirrors are not obeyed without follow.mirror",)
        if self.not_applied:
            return ()
        return mirrors_left_out(mirrors, known, self.mirror)

    def copied(self, message: Message, version: Version, to: Version) -> float:
        """Return how many of 100 such messages are copied, if the object decides for `version`."""
        found = self.decide(message)
        decided = found.decision.version
        if decided is None or decided.name != version.name:
            return 0.0
        return min(100.0, sum(each.percent for each in found.copies if each.to.name == to.name))

    @property
    def destinations_left_out(self) -> int:
        """How many destinations are not among the named ones."""
        return max(0, len(self.destinations) - _MOST_SHOWN)

    def decide(self, message: Message) -> FollowedDecision:
        """Return the decision; the same message and object always give the same one."""
        headers = RequestHeaders(message, self._follow)
        try:
            for at in self._index.find(message, headers):
                tests, outcome = self._entries[at]
                for holds in tests:
                    if not holds(headers):
                        break
                else:
                    return outcome.decide(message)
        except TooManyStepsError:
            return self._given_up
        return self._default

    def decide_for(self, message: Message, *, counted: bool) -> Decision:
        """Return the decision alone; `counted`: it is one for a message that is brought there."""
        found = self.decide(message)
        if counted and self._on_stray is not None and (found.unmapped or found.unroutable):
            self._on_stray(found)
        return found.decision
