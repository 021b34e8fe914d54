"""A match, compiled: what all messages share is compared once, headers for each message.

Envoy's rules for headers, which Istio and Gateway API are translated into:
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.core.routing.mesh.follow import METHOD, SCHEME
from gateway.core.routing.mesh.names import gateway_name
from gateway.core.routing.mesh.string_match import BoundedRegex
from gateway.core.routing.rules import Exact, Prefix, Present

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.mesh.follow import Follow, RequestHeaders
    from gateway.core.routing.mesh.string_match import Condition
    from gateway.core.routing.mesh.values import Match, PathPrefix

    Holds = Callable[[RequestHeaders], bool]


class HeaderTest(NamedTuple):
    """One condition on the header `name`; `needed`: it cannot hold without the header.

    `exact` is the only value for which it holds; None: there are others.
    """

    name: str
    holds: Holds
    needed: bool = False
    exact: str | None = None


def is_for(match: Match, follow: Follow, namespace: str) -> bool:
    """Whether a mesh gives this match to the producer at all, by port, gateway, labels, namespace.

    A short name in `follow` is a gateway of the object's `namespace`. An empty label is as good as
    none.
    """
    if match.port is not None and match.port != follow.port:
        return False
    if match.gateways:
        return gateway_name(follow.gateway, namespace) in match.gateways
    if match.source_namespace not in ("", follow.namespace):
        return False
    return all(follow.labels.get(name, "") == value for name, value in match.source_labels)


def header_tests(match: Match, follow: Follow, host: str) -> tuple[HeaderTest, ...] | None:
    """Return what has to hold for the headers; None where the request never matches.

    No tests: it always does.
    """
    authority = follow.authority(host)
    fixed = {":method": METHOD, ":scheme": SCHEME, ":path": follow.path}
    fixed |= dict.fromkeys((":authority", "host"), authority)
    for condition, value in (
        (match.method, METHOD),
        (match.scheme, SCHEME),
        (match.authority, authority),
    ):
        if condition is not None and not condition.holds(value):
            return None
    if match.uri is not None and not _path_holds(match.uri, follow, fold=match.ignore_uri_case):
        return None
    query = follow.query if match.query else {}
    if not all(condition.holds(query.get(name)) for name, condition in match.query):
        return None
    tests: list[HeaderTest] = []
    for negated, named in ((False, match.headers), (True, match.without_headers)):
        for written, condition in named:
            name = written.lower()
            if name not in fixed:
                tests.append(_header(name, condition, negated=negated))
            elif condition.holds(fixed[name]) is negated:
                return None
    return tuple(tests)


def _regex_test(name: str, regex: BoundedRegex, *, negated: bool) -> Holds:
    """Return a test that counts what the regex may cost before it is asked."""

    def holds(headers: RequestHeaders) -> bool:
        value = headers[name]
        if value is None:
            if not negated:
                return False
            value = ""
        headers.spend(regex.steps, value)
        return regex.holds(value) is not negated

    return holds


def _path_holds(condition: Condition | PathPrefix, follow: Follow, *, fold: bool) -> bool:
    """Compare the path without its query; a regex keeps its case."""
    path = follow.path_alone
    if fold and isinstance(condition, Exact | Prefix):
        return type(condition)(condition.text.lower()).holds(path.lower())
    return condition.holds(path)


def _header(name: str, condition: Condition, *, negated: bool) -> HeaderTest:
    """Return one condition on a header; a negated one takes a missing header for an empty one."""
    holds = condition.holds
    if isinstance(condition, BoundedRegex):
        return HeaderTest(name, _regex_test(name, condition, negated=negated), needed=not negated)
    if not negated:
        if isinstance(condition, Exact):
            wanted = condition.text
            return HeaderTest(
                name, lambda headers: headers[name] == wanted, needed=True, exact=wanted
            )
        return HeaderTest(name, lambda headers: holds(headers[name]), needed=True)
    if isinstance(condition, Present):
        return HeaderTest(name, lambda headers: headers[name] is None)
    return HeaderTest(name, lambda headers: not holds(headers[name] or ""))
