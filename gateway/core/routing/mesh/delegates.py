"""Puts the routes of delegates in the place of the routes that name them.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate and
mergeHTTPRoute of https://github.com/istio/istio/blob/master/pilot/pkg/model/virtualservice.go
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.core.routing.mesh.reader import InvalidObject, first_notes, short
from gateway.core.routing.mesh.string_match import MOST_REGEXES, BoundedRegex
from gateway.core.routing.mesh.values import Match, PathPrefix, matchless
from gateway.core.routing.mesh.virtual_service import MOST_MATCHES
from gateway.core.routing.rules import Exact, Prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.routing.mesh.string_match import Condition
    from gateway.core.routing.mesh.values import FollowedObject, MeshRoute, Named


def merged(root: FollowedObject, delegates: Sequence[FollowedObject]) -> FollowedObject:
    """Return the root with the routes of its delegates; one that is missing is passed over.

    A delegate has no hosts and is exported to the root's namespace. Raises InvalidObject where the
    matches of both, multiplied, or the regexes of all are more than an object may have.
    """
    visible = {
        (each.namespace, each.name): each
        for each in delegates
        if not each.hosts and _exported(each, root.namespace)
    }
    routes: list[MeshRoute] = []
    notes = [*root.notes]
    size = 0
    for route in root.routes:
        to = route.delegate
        if to is None or route.blocked:
            routes.append(route)
            continue
        found = visible.get((to.namespace, to.name))
        if found is None:
            missing = f"{route.name} is passed over: no delegate {to.namespace}/{to.name}"
            notes.append(short(missing))
            continue
        size += sum(_size(route.matches, each.matches) for each in found.routes)
        if size > MOST_MATCHES:
            raise InvalidObject((f"with delegates more than {MOST_MATCHES} matches",))
        pairs = (_merged_route(route, each) for each in found.routes)
        routes += [each for each in pairs if each is not None]
        notes += found.notes
    if _count_regexes(routes) > MOST_REGEXES:
        raise InvalidObject((f"with delegates more than {MOST_REGEXES} regexes",))
    return replace(root, routes=tuple(routes), notes=first_notes(notes))


def _count_regexes(routes: Sequence[MeshRoute]) -> int:
    """Count the different regexes for headers: a message may have to be matched against all."""
    conditions = (
        condition
        for route in routes
        for match in route.matches
        for named in (match.headers, match.without_headers)
        for _, condition in named
    )
    return len({each.pattern for each in conditions if isinstance(each, BoundedRegex)})


def _size(root: tuple[Match, ...], leaf: tuple[Match, ...]) -> int:
    """Return at least how many matches and conditions both have, multiplied."""
    above, below = [_weight(each) for each in root] or [1], [_weight(each) for each in leaf] or [1]
    return max(len(above) * sum(below), len(below) * sum(above))


def _weight(match: Match) -> int:
    named = len(match.headers) + len(match.without_headers) + len(match.query)
    return max(1, named + len(match.source_labels) + len(match.gateways))


def _exported(delegate: FollowedObject, namespace: str) -> bool:
    allowed = {delegate.namespace if each == "." else each for each in delegate.export_to}
    return bool(allowed & {"*", namespace})


def _merged_route(root: MeshRoute, leaf: MeshRoute) -> MeshRoute | None:
    """Return the delegate's route under the root's; None where their matches are in conflict."""
    if root.matches and leaf.matches:
        matches: list[Match] = []
        for below in leaf.matches:
            found = [_both(above, below) for above in root.matches if not _conflict(above, below)]
            if not found:
                return None
            matches += found
        both = tuple(matches)
    else:
        both = root.matches or leaf.matches
    label = "-".join(each for each in (root.label, leaf.label) if each)
    return replace(
        leaf,
        name=label or f"{root.name}-{leaf.name.removeprefix('http-')}",
        label=label,
        matches=both,
        mirrors=leaf.mirrors or root.mirrors,
        matchless=matchless(both),
    )


def _both(root: Match, leaf: Match) -> Match:
    """Return what both ask for; of two conditions on one value the delegate's: it is narrower."""
    return replace(
        leaf,
        uri=leaf.uri or root.uri,
        method=leaf.method or root.method,
        authority=leaf.authority or root.authority,
        scheme=leaf.scheme or root.scheme,
        headers=_either(root.headers, leaf.headers),
        without_headers=_either(root.without_headers, leaf.without_headers),
        query=_either(root.query, leaf.query),
        port=leaf.port or root.port,
        gateways=leaf.gateways or root.gateways,
        source_labels=tuple({**dict(root.source_labels), **dict(leaf.source_labels)}.items()),
        source_namespace=leaf.source_namespace or root.source_namespace,
    )


def _either(root: Named, leaf: Named) -> Named:
    return tuple({**dict(root), **dict(leaf)}.items())


def _conflict(root: Match, leaf: Match) -> bool:
    pairs: list[tuple[Condition | PathPrefix | None, Condition | PathPrefix | None]] = [
        (root.uri, leaf.uri),
        (root.scheme, leaf.scheme),
        (root.method, leaf.method),
        (root.authority, leaf.authority),
    ]
    for above, below in (
        (root.headers, leaf.headers),
        (root.without_headers, leaf.without_headers),
        (root.query, leaf.query),
    ):
        by_name = dict(above)
        pairs += [(by_name.get(name), condition) for name, condition in below]
    if root.ignore_uri_case != leaf.ignore_uri_case:
        return True
    if root.port and leaf.port and root.port != leaf.port:
        return True
    if _other_source(root, leaf):
        return True
    return any(_conflicting(above, below) for above, below in pairs)


def _other_source(root: Match, leaf: Match) -> bool:
    """Whether the delegate is for other producers; a namespace of the root's has to be repeated."""
    if root.source_namespace and leaf.source_namespace != root.source_namespace:
        return True
    labels = dict(root.source_labels)
    if any(labels.get(name, value) != value for name, value in leaf.source_labels):
        return True
    return bool(root.gateways) and not set(leaf.gateways) <= set(root.gateways)


def _conflicting(root: Condition | PathPrefix | None, leaf: Condition | PathPrefix | None) -> bool:
    """Whether the delegate's condition is not within the root's; regexes and presence never are."""
    if root is None or leaf is None:
        return False
    if isinstance(root, BoundedRegex) or isinstance(leaf, BoundedRegex):
        return True
    if isinstance(root, Exact) and root.text:
        return not (isinstance(leaf, Exact) and leaf.text == root.text)
    if isinstance(root, Prefix) and root.text and isinstance(leaf, Exact | Prefix) and leaf.text:
        return not leaf.text.startswith(root.text)
    return True
