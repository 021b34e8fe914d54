"""A route at another weight of its canary, with as few keys moved as can be. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.core.routing.mirror import Mirror
from gateway.core.routing.route import Unwrap
from gateway.core.routing.split import BUCKETS, Split, upper_edges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.core.routing.mesh.evaluator import Followed
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version

_ALL: Final = 100
_BUCKETS_OF_A_PERCENT: Final = BUCKETS // _ALL

Share = tuple["Version", int]
"""A version and the upper edge of its buckets, which begin where those before it end."""


def weighted(route: Route, canary_weight: int | None) -> Route:
    """Return the route with a weight of its canary, 0..100 per cent; None: that of its own split.

    The canary takes the lowest of the buckets that it and stable have, so a rising weight only
    moves keys to the canary, and a falling one only from it to stable. Other versions keep theirs,
    and the canary gets at most what these leave. A weighted route may be weighted again. Raises
    ValueError for a route without a plan or split, and for a weight out of range.
    """
    plan, split = route.plan, route.split
    if plan is None or split is None:
        raise ValueError(f"route {route.name} has no plan")
    if canary_weight is None:
        return route
    if not 0 <= canary_weight * _BUCKETS_OF_A_PERCENT <= BUCKETS:
        raise ValueError(f"a weight of {canary_weight} %")
    canary = next(version for version in route.versions if version.name == plan.canary)
    left = canary_weight * _BUCKETS_OF_A_PERCENT
    shares = _join(_divide(split, canary, route.stable, left))
    versions, edges = zip(*shares, strict=True)
    return replace(
        route,
        split=Split(versions, edges, split.seed, split.sticky, split.otherwise),
        weights=_weights(route, shares),
    )


def with_weights(route: Route, weights: Mapping[str, int]) -> Route:
    """Return the route with these weights of its versions, as a split in the file has them.

    Raises ValueError where no weight is above 0, and for a route that has nothing to put them on.
    """
    split = route.split or route.unsplit
    if split is None:
        raise ValueError(f"route {route.name} has no split")
    others = [version for version in route.versions if version.name != route.stable.name]
    order = (*others, route.stable)
    edges = upper_edges([weights.get(version.name, 0) for version in order])
    return replace(
        route,
        split=Split(order, edges, split.seed, split.sticky, split.otherwise),
        weights=tuple((version.name, weights.get(version.name, 0)) for version in route.versions),
    )


def following(route: Route, followed: Followed | None) -> Route:
    """Return the route that decides by an object; as it is where weights are set by hand.

    `followed` None: there is no such object, and stable gets all that no rule takes. The share of a
    canary that is rolled back is stable's.
    """
    if route.follow is None or route.split is not None or followed is None:
        return route
    split = followed.split
    versions = tuple(
        route.stable if each.name == route.rolled_back else each for each in split.versions
    )
    shares = list(zip(versions, split.edges, strict=True))
    return replace(
        route,
        followed=followed,
        split=replace(split, versions=versions),
        weights=_weights(route, shares),
        mirror=route.mirror or _mirror(route, followed),
    )


def _mirror(route: Route, followed: Followed) -> Mirror | None:
    """Return the mirror of a followed object, where it has one and the route obeys it."""
    copies, split = followed.mirror, followed.split
    if copies is None:
        return None
    versions, edges = (copies.to, route.stable), (round(copies.percent * 100), BUCKETS)
    seed = f"{split.seed}:mirror"
    taken = Split(versions, edges, seed, split.sticky, split.otherwise)
    return Mirror(copies.to, taken, unwraps=route.unwrap is not Unwrap.NONE, by=followed)


def canary_share(route: Route) -> int:
    """Return how much of what goes to stable or canary is the canary's, in whole per cent.

    It is 1..99 where both get any. Raises ValueError for a route without a plan or split.
    """
    plan, split = route.plan, route.split
    if plan is None or split is None:
        raise ValueError(f"route {route.name} has no plan")
    buckets = _buckets(route, zip(split.versions, split.edges, strict=True))
    canary, stable = buckets[plan.canary], buckets[route.stable.name]
    if not canary or not stable:
        return _ALL if canary else 0
    return min(_ALL - 1, max(1, round(_ALL * canary / (canary + stable))))


def _divide(split: Split, canary: Version, stable: Version, left: int) -> list[Share]:
    """Return the shares in bucket order; the canary gets the first `left` buckets of the two."""
    shares: list[Share] = []
    low = 0
    for version, high in zip(split.versions, split.edges, strict=True):
        if version.name in (canary.name, stable.name):
            edge = min(high, low + left)
            left -= edge - low
            shares += (canary, edge), (stable, high)
        else:
            shares.append((version, high))
        low = high
    return shares


def _join(shares: list[Share]) -> list[Share]:
    """Return the shares without empty ones, neighbours of one version as one."""
    joined: list[Share] = []
    for version, edge in shares:
        if edge == (joined[-1][1] if joined else 0):
            continue
        if joined and joined[-1][0] is version:
            joined.pop()
        joined.append((version, edge))
    return joined


def _weights(route: Route, shares: list[Share]) -> tuple[tuple[str, int], ...]:
    """Return the weight of every version: per cent, or buckets where these are not whole."""
    buckets = _buckets(route, shares)
    whole = not any(count % _BUCKETS_OF_A_PERCENT for count in buckets.values())
    unit = _BUCKETS_OF_A_PERCENT if whole else 1
    return tuple((name, count // unit) for name, count in buckets.items())


def _buckets(route: Route, shares: Iterable[Share]) -> dict[str, int]:
    """Return the number of buckets of every version."""
    buckets = dict.fromkeys((version.name for version in route.versions), 0)
    low = 0
    for version, edge in shares:
        buckets[version.name] += edge - low
        low = edge
    return buckets
