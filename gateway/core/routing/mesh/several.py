"""Which of several objects a mesh obeys for one host.

Sources: https://istio.io/latest/docs/ops/configuration/traffic-management/ and
https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule on conflicts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.core.routing.mesh.applicability import not_applied
from gateway.core.routing.mesh.http_route import by_precedence
from gateway.core.routing.mesh.names import names_of_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.routing.mesh.follow import Follow
    from gateway.core.routing.mesh.values import FollowedObject

_NO_TIME: Final = "~"
"""After all times: an object that the API server has not seen yet is the youngest."""


def obeyed_service(
    followed: FollowedObject, others: Sequence[FollowedObject], follow: Follow
) -> FollowedObject:
    """Return the one VirtualService that sidecars obey for the followed one's host.

    They are never merged: a host without a wildcard wins, then the oldest, then the first by name
    and namespace.
    """
    host = follow.host or followed.first_host
    names = names_of_client(host, followed.namespace, follow.domain)
    full = next((each for each in names if each.endswith(follow.domain)), host)
    there = [followed, *(each for each in others if not not_applied(each, follow, full))]
    if not_applied(followed, follow, host):
        there = there[1:] or there

    def rank(seen: FollowedObject) -> tuple[bool, str, str, str]:
        return names.isdisjoint(seen.hosts), seen.created or _NO_TIME, seen.name, seen.namespace

    return min(there, key=rank)


def routes_together(
    followed: FollowedObject, others: Sequence[FollowedObject], follow: Follow
) -> FollowedObject:
    """Return the followed HTTPRoute with the rules of all others that have its parent.

    Their rules are named after them. Of equal matches the one of the oldest object wins, then of
    the first by namespace and name.
    """
    host = follow.host or followed.first_host
    names = names_of_client(host, followed.namespace, follow.domain)
    full = next((each for each in names if each.endswith(follow.domain)), host)
    if not_applied(followed, follow, host):
        return followed
    there = [followed, *(each for each in others if not not_applied(each, follow, full))]
    there.sort(key=lambda each: (each.created or _NO_TIME, each.namespace, each.name))
    rules = [
        rule
        if each is followed
        else replace(rule, name=f"{each.namespace}/{each.name} {rule.name}")
        for each in there
        for rule in each.routes
    ]
    return replace(followed, routes=by_precedence(rules))
