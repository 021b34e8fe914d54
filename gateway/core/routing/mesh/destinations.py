"""Which version a destination is, and how the weights of several divide the buckets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.core.routing.mesh.follow import DEFAULT_DOMAIN
from gateway.core.routing.mesh.names import host_of_client
from gateway.core.routing.sources import FromMessageId
from gateway.core.routing.split import BUCKETS, Split, upper_edges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.routing.mesh.values import Destination
    from gateway.core.routing.sources import Source
    from gateway.core.routing.version import Version

_URL_HOST: Final = re.compile(r"[a-z]+://(?:\[(?P<ip>[^\]]*)\]|(?P<host>[^/:?#]*))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FollowingVersions:
    """A route's versions in file order, with what its splits have in common.

    `subsets` are by the version's name, where it has one. `namespace` is the gateway's own: in it
    the short hosts of urls are looked up.
    """

    versions: tuple[Version, ...]
    stable: Version
    seed: str
    sticky: Source = FromMessageId()  # noqa: RUF009 - frozen
    otherwise: Source = FromMessageId()  # noqa: RUF009 - frozen
    subsets: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "default"
    domain: str = DEFAULT_DOMAIN

    @property
    def others(self) -> tuple[Version, ...]:
        """All but stable, in file order: the order of buckets."""
        return tuple(each for each in self.versions if each.name != self.stable.name)

    def split(self, weights: Mapping[str, int], unmapped: int = 0) -> Split:
        """Return a split by weights, `unmapped` being a part of stable's, and its last buckets."""
        order = (*self.others, self.stable, self.stable)
        edges = upper_edges([*(weights.get(each.name, 0) for each in order[:-1]), unmapped])
        return Split(order, edges, self.seed, self.sticky, self.otherwise)


class DestinationMap:
    """Finds the version of a destination; `hosts` are what the followed host may stand for."""

    def __init__(self, following: FollowingVersions, hosts: frozenset[str]) -> None:
        self._following = following
        self._hosts = hosts
        self._by_subset = {
            subset: each
            for each in reversed(following.versions)
            if (subset := following.subsets.get(each.name))
        }
        # A version without a subset is the likelier one where two have one url.
        ordered = sorted(following.versions, key=lambda each: each.name in following.subsets)
        self._by_host = {self._host(each): each for each in reversed(ordered) if each.url}

    def version(self, destination: Destination) -> Version | None:
        """Return the version, or None where the destination is none of them."""
        if not destination.usable:
            return None
        if not destination.subset:
            return self._by_host.get(destination.host.removesuffix("."))
        known = destination.host.removesuffix(".") in self._hosts
        return self._by_subset.get(destination.subset) if known else None

    def may_be(self, version: Version) -> bool:
        """Whether any destination could be this version: not a queue without a subset."""
        return bool(version.url) or version.name in self._following.subsets

    @property
    def versions(self) -> list[str]:
        """The destinations that are versions, for people: a subset behind a slash."""
        host = max(self._hosts, key=len, default="")
        return [*(f"{host}/{each}" for each in self._by_subset), *self._by_host]

    def _host(self, version: Version) -> str:
        found = _URL_HOST.match(version.url)
        host = (found["host"] or found["ip"] or "") if found else ""
        return host_of_client(host, self._following.namespace, self._following.domain)


@dataclass(frozen=True, slots=True)
class Shares:
    """Where the requests of one route go: all to one version, or by a split.

    Buckets from `unmapped_from` on are the share of destinations that are no version: stable's.
    """

    only: Version | None
    split: Split | None
    unmapped_from: int = BUCKETS


def shares(
    destinations: Sequence[Destination], known: DestinationMap, following: FollowingVersions
) -> Shares:
    """Return the shares of destinations; without any, stable gets all.

    One destination alone takes all, independent of its weight; of several, those with the weight 0
    get nothing. The order of the object has no effect.
    """
    several = len(destinations) > 1
    taking = [each for each in destinations if each.weight] if several else list(destinations)
    if not taking:
        return Shares(following.stable, None)
    if len(taking) == 1:
        version = known.version(taking[0])
        return Shares(version or following.stable, None, BUCKETS if version else 0)
    weights = dict.fromkeys([each.name for each in following.versions], 0)
    unmapped = 0
    for each in taking:
        version = known.version(each)
        if version is None:
            unmapped += each.weight
        else:
            weights[version.name] += each.weight
    split = following.split(weights, unmapped)
    return Shares(None, split, split.edges[-2])
