"""A followed object compiled for a route: it decides where the route's own rules do not.

Istio's order: routes as they are written, each match on its own, the first one that holds.
Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService-http
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.core.routing.decision import Decision, Reason
from gateway.core.routing.mesh.applicability import is_for_any, not_applied
from gateway.core.routing.mesh.destinations import DestinationMap, shares
from gateway.core.routing.mesh.entry_index import EntryIndex
from gateway.core.routing.mesh.follow import RequestHeaders, TooManyStepsError
from gateway.core.routing.mesh.matching import header_tests, is_for
from gateway.core.routing.mesh.names import names_of_client
from gateway.core.routing.mesh.reader import InvalidObject, short
from gateway.core.routing.split import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.messages.message import Message
    from gateway.core.routing.mesh.destinations import FollowingVersions, Shares
    from gateway.core.routing.mesh.follow import Follow
    from gateway.core.routing.mesh.matching import HeaderTest
    from gateway.core.routing.mesh.values import FollowedObject, MeshRoute
    from gateway.core.routing.split import Split
    from gateway.core.routing.version import Version

_MOST_NAMED: Final = 5
_MOST_SHOWN: Final = 100


class Copy(NamedTuple):
    """A version that a route mirrors to, and how many of 100 requests."""

    to: Version
    percent: float


class FollowedDecision(NamedTuple):
    """A decision by an object.

    `unmapped`: the message belongs to the share of a destination that is no version. `unroutable`:
    a redirect, a direct response or no destination, or its regexes would take too long; stable gets
    it in all cases. `copies` are for routes that obey mirrors.
    """

    decision: Decision
    unmapped: bool = False
    unroutable: bool = False
    copies: tuple[Copy, ...] = ()


class _Outcome:
    """What one route does with the requests that it matches."""

    __slots__ = ("_decided", "_rule", "_split", "_unmapped_from", "copies", "reason", "share")

    def __init__(
        self,
        found: Shares,
        share: Split,
        reason: Reason,
        rule: str | None,
        copies: tuple[Copy, ...],
        end: str,
    ) -> None:
        self.reason = reason
        self.share = share
        self._rule = rule
        self.copies = copies
        self._split = found.split
        self._unmapped_from = found.unmapped_from
        decision = Decision(found.only, reason, rule)
        self._decided = FollowedDecision(
            decision, found.unmapped_from < BUCKETS and not end, bool(end), copies
        )

    def decide(self, message: Message) -> FollowedDecision:
        split = self._split
        if split is None:
            return self._decided
        bucket = split.bucket(message)
        decision = Decision(split.pick(bucket), self.reason, self._rule, bucket)
        return FollowedDecision(decision, bucket >= self._unmapped_from, copies=self.copies)


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
        host = follow.host or seen.first_host
        self.not_applied = not_applied(seen, follow, host)
        """Why the object does not exist for the producer; empty where it does."""
        self.notes = (*seen.notes, *_of_mirrors(seen, follow))
        hosts = names_of_client(host, seen.namespace, follow.domain)
        compiler = _Compiler(follow, following, DestinationMap(following, hosts))
        entries = () if self.not_applied else compiler.entries(seen, host)
        self._entries = tuple((tuple(each.holds for each in tests), to) for tests, to in entries)
        self._index = EntryIndex((tests for tests, _ in entries), follow.usual_headers)
        whole = next((to.share for _, to in entries if to.reason is Reason.SPLIT), None)
        self.split = whole or following.split({following.stable.name: 1})
        """The shares of what no match takes."""
        self.destinations = compiler.destinations(seen)
        """Each host with its subset, and the name of its version or None."""
        first = list(self.destinations.items())[:_MOST_SHOWN]
        self.named_destinations = {_named(host, subset): to for (host, subset), to in first}
        """The first destinations, for people: a subset behind a slash."""
        if not self.not_applied:
            _check_mapped(self.destinations)
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


class _Compiler:
    def __init__(self, follow: Follow, following: FollowingVersions, known: DestinationMap) -> None:
        self._follow = follow
        self._following = following
        self._known = known

    def entries(
        self, seen: FollowedObject, host: str
    ) -> tuple[tuple[tuple[HeaderTest, ...], _Outcome], ...]:
        """Return each match that may hold, with what follows; one that always does ends them."""
        found: list[tuple[tuple[HeaderTest, ...], _Outcome]] = []
        for route in seen.routes:
            if route.blocked or route.delegate is not None:
                continue
            outcome = self._outcome(route)
            if not route.matches:
                return (*found, ((), outcome))
            for match in route.matches:
                if not is_for(match, self._follow, seen.namespace):
                    continue
                tests = header_tests(match, self._follow, host)
                if tests is not None:
                    found.append((tests, outcome))
                    if not tests:
                        return tuple(found)
        return tuple(found)

    def destinations(self, seen: FollowedObject) -> dict[tuple[str, str], str | None]:
        """Return every destination of the object with its version's name."""
        found: dict[tuple[str, str], str | None] = {}
        for route in seen.routes:
            for each in route.destinations:
                version = self._known.version(each)
                found[each.host, each.subset] = None if version is None else version.name
        return found

    def _outcome(self, route: MeshRoute) -> _Outcome:
        end = route.ends
        reason = Reason.SPLIT if route.matchless and not end else Reason.RULE
        rule = None if reason is Reason.SPLIT else route.name
        found = shares(() if end else route.destinations, self._known, self._following)
        alone = {} if found.only is None else {found.only.name: 1}
        share = found.split or self._following.split(alone)
        return _Outcome(found, share, reason, rule, self._copies(route), end)

    def _copies(self, route: MeshRoute) -> tuple[Copy, ...]:
        if not self._follow.mirror:
            return ()
        each_to = [(self._known.version(each.destination), each.percent) for each in route.mirrors]
        by_name: dict[str, Copy] = {}  # at most one for each version, however many mirrors
        for to, percent in each_to:
            if to and to.url and percent > 0 and to.name != self._following.stable.name:
                before = by_name[to.name].percent if to.name in by_name else 0.0
                by_name[to.name] = Copy(to, before + percent)
        return tuple(by_name.values())


def _named(host: str, subset: str) -> str:
    return short(f"{host}/{subset}" if subset else host)


def _of_mirrors(seen: FollowedObject, follow: Follow) -> tuple[str, ...]:
    mirrored = not follow.mirror and any(each.mirrors for each in seen.routes)
    return ("mirrors are not obeyed without follow.mirror",) if mirrored else ()


def _check_mapped(destinations: dict[tuple[str, str], str | None]) -> None:
    """Raise InvalidObject where there are destinations, and no version among them."""
    if destinations and not any(destinations.values()):
        left = len(destinations) - _MOST_NAMED
        more = f" and {left} more" if left > 0 else ""
        said = ", ".join(_named(*each) for each in list(destinations)[:_MOST_NAMED])
        raise InvalidObject((f"no destination is a version: {said}{more}",))
