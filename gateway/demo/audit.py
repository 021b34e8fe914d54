"""Compares the orders that were sent with those that arrived. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

Path = tuple[str, ...]

PATHS: Final[Mapping[str, Path]] = {"v1": ("A", "B", "C", "D"), "v2": ("A", "B1", "C1", "D")}
"""The only two paths through the chain, by the tag of the version that takes them."""

SIGMAS: Final = 5
"""The tolerance in standard deviations: one false alarm in about two million runs."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order that A accepted: the tag it was pinned to, if any, and the tag of its version.

    `tag` is None for requests, whose version the mesh chooses at random: both are right. `key` is
    that of its record.
    """

    name: str
    message_id: str
    pin: str | None
    tag: str | None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """An arrival of an order at D: its path, its `version` header, and the seconds since A."""

    order: str
    path: Path
    version: str | None
    seconds: float


class Defect(StrEnum):
    """A defect of an order; each kind is counted in orders."""

    LOST = "lost"
    DOUBLED = "doubled"
    CROSSED = "crossed"
    MISROUTED = "misrouted"


MEANING: Final[Mapping[Defect, str]] = {
    Defect.LOST: "never arrived at D",
    Defect.DOUBLED: "arrived at D more than once",
    Defect.CROSSED: "left their version on the way (B-C1 or B1-C)",
    Defect.MISROUTED: "took another path than decided, or lost the version header",
}


@dataclass(frozen=True, slots=True)
class PathCount:
    """The orders of one path: number split, number pinned, and ascending seconds from A to D."""

    path: Path
    split: int
    pinned: int
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """The number of unpinned orders that one version got, and its share by weight, 0..1."""

    tag: str
    got: int
    of: int
    expected: float

    @property
    def observed(self) -> float:
        """The share that it got, 0..1."""
        return self.got / self.of if self.of else 0.0

    @property
    def plausible(self) -> bool:
        """Whether the difference may be random: within five sigmas, and one order more."""
        sigma = math.sqrt(self.of * self.expected * (1 - self.expected))
        return abs(self.got - self.of * self.expected) <= SIGMAS * sigma + 1


@dataclass(frozen=True, slots=True)
class Audit:
    """The result. `defects` has every kind, with the names of its orders."""

    orders: int
    pinned: Mapping[str, int]
    paths: tuple[PathCount, ...]
    shares: tuple[Share, ...]
    defects: Mapping[Defect, tuple[str, ...]]

    @property
    def clean(self) -> bool:
        """Whether no order has a defect and every share is plausible."""
        return not any(self.defects.values()) and all(share.plausible for share in self.shares)


def audit(
    orders: Collection[Order], sightings: Iterable[Sighting], weights: Mapping[str, int]
) -> Audit:
    """Compare orders with sightings; those of other orders are ignored."""
    seen: dict[str, list[Sighting]] = {order.name: [] for order in orders}
    for sighting in sightings:
        if sighting.order in seen:
            seen[sighting.order].append(sighting)
    return Audit(
        orders=len(orders),
        pinned=Counter(order.pin for order in orders if order.pin),
        paths=_paths(orders, seen),
        shares=_shares(orders, seen, weights),
        defects={defect: _orders_with(defect, orders, seen) for defect in Defect},
    )


def percentile(ascending: Sequence[float], percent: float) -> float | None:
    """Return the smallest value that `percent` % of the values do not exceed; None without values.

    The nearest-rank method: https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method
    """
    if not ascending:
        return None
    return ascending[max(0, math.ceil(percent / 100 * len(ascending)) - 1)]


def tag_of(path: Path) -> str | None:
    """Return the tag of the version that takes this path; None for a path of neither."""
    return next((tag for tag, known in PATHS.items() if known == path), None)


def _paths(
    orders: Collection[Order], seen: Mapping[str, Sequence[Sighting]]
) -> tuple[PathCount, ...]:
    """Count each order once, by its first path; the two paths of PATHS come first."""
    found: dict[Path, list[tuple[Order, Sighting]]] = defaultdict(list)
    found.update({path: [] for path in PATHS.values()})
    for order in orders:
        for first in seen[order.name][:1]:
            found[first.path].append((order, first))
    return tuple(_count(path, arrivals) for path, arrivals in found.items())


def _count(path: Path, arrivals: Sequence[tuple[Order, Sighting]]) -> PathCount:
    pinned = sum(order.pin is not None for order, _ in arrivals)
    seconds = sorted(sighting.seconds for _, sighting in arrivals)
    return PathCount(path, len(arrivals) - pinned, pinned, tuple(seconds))


def _shares(
    orders: Collection[Order], seen: Mapping[str, Sequence[Sighting]], weights: Mapping[str, int]
) -> tuple[Share, ...]:
    """Return the shares of unpinned orders alone, since pinned ones are not split."""
    free = [seen[order.name][0] for order in orders if not order.pin and seen[order.name]]
    got = Counter(tag_of(sighting.path) for sighting in free)
    total = sum(weights.values())
    return tuple(Share(tag, got[tag], len(free), w / total) for tag, w in weights.items())


def _orders_with(
    defect: Defect, orders: Collection[Order], seen: Mapping[str, Sequence[Sighting]]
) -> tuple[str, ...]:
    return tuple(order.name for order in orders if defect in _defects(order, seen[order.name]))


def _defects(order: Order, sightings: Sequence[Sighting]) -> set[Defect]:
    found = {_path_defect(order, sighting) for sighting in sightings} - {None}
    if not sightings:
        found.add(Defect.LOST)
    if len(sightings) > 1:
        found.add(Defect.DOUBLED)
    return {defect for defect in found if defect}


def _path_defect(order: Order, sighting: Sighting) -> Defect | None:
    if any(crossing <= set(sighting.path) for crossing in _CROSSINGS):
        return Defect.CROSSED
    tag = order.tag or tag_of(sighting.path)
    right = tag and sighting.path == PATHS[tag] and sighting.version == tag
    return None if right else Defect.MISROUTED


_CROSSINGS: Final = ({"B", "C1"}, {"B1", "C"})
