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
from gateway.core.routing.mesh.follow import RequestHeaders
from gateway.core.routing.mesh.matching import header_tests, is_for
from gateway.core.routing.mesh.names import names_of_client
from gateway.core.routing.mesh.reader import InvalidObject
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
    a redirect, a direct response or no destination; stable gets it in both cases. `copies` are for
    routes that obey mirrors.
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

    @property
    def unmapped_share(self) -> float:
        """The part of its messages that belongs to destinations that are no version, 0..1."""
        return 1 - self._unmapped_from / BUCKETS

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
        host = self.host = follow.host or seen.first_host
        self.not_applied = not_applied(seen, follow, host)
        """Why the object does not exist for the producer; empty where it does."""
        hosts = names_of_client(host, seen.namespace, follow.domain)
        known = DestinationMap(following, hosts)
        compiler = _Compiler(follow, following, known)
        entries = () if self.not_applied else compiler.entries(seen, host)
        self._entries = tuple((tuple(each.holds for each in tests), to) for tests, to in entries)
        self.notes = (*seen.notes, *self._left_out(seen, known))
        """What of the object is not obeyed, in words."""
        self._index = EntryIndex((tests for tests, _ in entries), follow.usual_headers)
        whole = next((to for _, to in entries if to.reason is Reason.SPLIT), None)
        self.split = whole.share if whole else following.split({following.stable.name: 1})
        """The shares of what no match takes."""
        self.unmapped_share = whole.unmapped_share if whole else 0.0
        """The part of it that belongs to destinations that are no version, 0..1."""
        self.destinations = compiler.destinations(seen)
        """Each host with its subset, and the name of its version or None."""
        if not self.not_applied:
            if known.may_be(following.stable):
                _check_mapped(self.destinations, known.versions)
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
        copied = self.mirror
        hosts: dict[str, None] = {}
        for each in mirrors:
            version = known.version(each.destination)
            if copied is None or version is None or version.name != copied.to.name:
                hosts[_text(each.destination.host, each.destination.subset)] = None
        why = "copies go to one version that has a url, and not to stable"
        first = list(hosts)[:_MOST_NAMED]
        return tuple(f"the mirror to {each} is not obeyed: {why}" for each in first)

    def copied(self, message: Message, version: Version, to: Version) -> float:
        """Return how many of 100 such messages are copied, if the object decides for `version`."""
        found = self.decide(message)
        decided = found.decision.version
        if decided is None or decided.name != version.name:
            return 0.0
        return min(100.0, sum(each.percent for each in found.copies if each.to.name == to.name))

    @property
    def named_destinations(self) -> dict[str, str | None]:
        """The first destinations, for people: a subset behind a slash."""
        named = list(self.destinations.items())[:_MOST_SHOWN]
        return {_text(*each): to for each, to in named}

    def decide(self, message: Message) -> FollowedDecision:
        """Return the decision; the same message and object always give the same one."""
        headers = RequestHeaders(message, self._follow)
        for at in self._index.find(message, headers):
            tests, outcome = self._entries[at]
            for holds in tests:
                if not holds(headers):
                    break
            else:
                return outcome.decide(message)
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
        return tuple(
            Copy(to, percent)
            for to, percent in each_to
            if to and to.url and percent > 0 and to.name != self._following.stable.name
        )


def _text(host: str, subset: str) -> str:
    """Return a destination for people."""
    return f"{host}/{subset}" if subset else host


def _check_mapped(destinations: dict[tuple[str, str], str | None], versions: list[str]) -> None:
    """Raise InvalidObject where there are destinations, and no version among them."""
    if destinations and not any(destinations.values()):
        named = [_text(*each) for each in destinations]
        what = f"no destination is a version: {_first(named)}; versions are {_first(versions)}"
        raise InvalidObject((what,))


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED]) or 'none'}{more}"
