"""What was sent, what arrived, and whether that is right. Pure: made-up ledgers test it."""

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
"""The only two ways through the chain, by the tag of the version that takes them."""

SIGMAS: Final = 5
"""A false alarm in about two million runs."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order that A took: the tag it was pinned to, if any, and the tag it must travel under.

    `tag` is None where chance decides, as the mesh does for requests: either will do.
    """

    name: str
    message_id: str
    pin: str | None
    tag: str | None


@dataclass(frozen=True, slots=True)
class Sighting:
    """An order that came to D: its path, the `version` header it came with, seconds since A."""

    order: str
    path: Path
    version: str | None
    seconds: float


class Defect(StrEnum):
    """What can be wrong with an order; each is counted in orders."""

    LOST = "lost"
    DOUBLED = "doubled"
    CROSSED = "crossed"
    MISROUTED = "misrouted"


MEANING: Final[Mapping[Defect, str]] = {
    Defect.LOST: "never came to D",
    Defect.DOUBLED: "came to D more than once",
    Defect.CROSSED: "left their version on the way (B-C1 or B1-C)",
    Defect.MISROUTED: "took another path than decided, or lost the version header",
}


@dataclass(frozen=True, slots=True)
class PathCount:
    """What went one way: orders that the split sent there, pinned ones, seconds to D ascending."""

    path: Path
    split: int
    pinned: int
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the unpinned orders one version got, and its share by weight, 0..1."""

    tag: str
    got: int
    of: int
    expected: float

    @property
    def observed(self) -> float:
        """The share that it got."""
        return self.got / self.of if self.of else 0.0

    @property
    def plausible(self) -> bool:
        """Whether chance explains the difference: five sigmas, and one order for tiny samples."""
        sigma = math.sqrt(self.of * self.expected * (1 - self.expected))
        return abs(self.got - self.of * self.expected) <= SIGMAS * sigma + 1


@dataclass(frozen=True, slots=True)
class Audit:
    """The whole account. `defects` has every kind, with the names of the orders concerned."""

    orders: int
    pinned: Mapping[str, int]
    paths: tuple[PathCount, ...]
    shares: tuple[Share, ...]
    defects: Mapping[Defect, tuple[str, ...]]

    @property
    def clean(self) -> bool:
        """Whether no order is wrong and every share is plausible."""
        return not any(self.defects.values()) and all(share.plausible for share in self.shares)


def audit(
    orders: Collection[Order], sightings: Iterable[Sighting], weights: Mapping[str, int]
) -> Audit:
    """Compare; sightings of orders that are not among `orders` are somebody else's."""
    seen: dict[str, list[Sighting]] = {order.name: [] for order in orders}
    for sighting in sightings:
        if sighting.order in seen:
            seen[sighting.order].append(sighting)
    return Audit(
        orders=len(orders),
        pinned=Counter(order.pin for order in orders if order.pin),
        paths=_paths(orders, seen),
        shares=_shares(orders, seen, weights),
        defects={defect: _having(defect, orders, seen) for defect in Defect},
    )


def percentile(ascending: Sequence[float], percent: float) -> float | None:
    """Return the smallest value that `percent` per cent of the values do not exceed, if any.

    The nearest-rank method: https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method
    """
    if not ascending:
        return None
    return ascending[max(0, math.ceil(percent / 100 * len(ascending)) - 1)]


def tag_of(path: Path) -> str | None:
    """Return the tag of the version whose way this is; None for no legal way."""
    return next((tag for tag, legal in PATHS.items() if legal == path), None)


def _paths(
    orders: Collection[Order], seen: Mapping[str, Sequence[Sighting]]
) -> tuple[PathCount, ...]:
    """Count each order once, by the first path it came on; the two legal paths come first."""
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
    """Take the share over unpinned orders alone: pinned ones are not the split's doing."""
    free = [seen[order.name][0] for order in orders if not order.pin and seen[order.name]]
    got = Counter(tag_of(sighting.path) for sighting in free)
    total = sum(weights.values())
    return tuple(Share(tag, got[tag], len(free), w / total) for tag, w in weights.items())


def _having(
    defect: Defect, orders: Collection[Order], seen: Mapping[str, Sequence[Sighting]]
) -> tuple[str, ...]:
    return tuple(order.name for order in orders if defect in _defects(order, seen[order.name]))


def _defects(order: Order, sightings: Sequence[Sighting]) -> set[Defect]:
    found = {_wrong_way(order, sighting) for sighting in sightings} - {None}
    if not sightings:
        found.add(Defect.LOST)
    if len(sightings) > 1:
        found.add(Defect.DOUBLED)
    return {defect for defect in found if defect}


def _wrong_way(order: Order, sighting: Sighting) -> Defect | None:
    if any(crossing <= set(sighting.path) for crossing in _CROSSINGS):
        return Defect.CROSSED
    tag = order.tag or tag_of(sighting.path)
    right = tag and sighting.path == PATHS[tag] and sighting.version == tag
    return None if right else Defect.MISROUTED


_CROSSINGS: Final = ({"B", "C1"}, {"B1", "C"})
