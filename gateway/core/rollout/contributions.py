"""The evidence of several replicas: each stores the sums that it has seen itself. Pure.

The evidence of a route is the sum over all replicas that there ever were. The sums of a replica
that is gone are folded into one contribution, and its name is kept with them: should it still be
there and store its own again, that does not count twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FOLDED: Final = 500
"""Names of folded replicas that are kept; the oldest are dropped."""

Sums = Mapping[str, Sequence[float]]
"""Sums of evidence by route."""


def add_sums(contributions: Iterable[Sums]) -> dict[str, tuple[float, ...]]:
    """Return the sums of all contributions together."""
    total: dict[str, tuple[float, ...]] = {}
    for contribution in contributions:
        for route, values in contribution.items():
            before = total.get(route)
            total[route] = (
                tuple(values)
                if before is None
                else tuple(a + b for a, b in zip(before, values, strict=True))
            )
    return total


def subtract_sums(sums: Sums, part: Sums) -> dict[str, tuple[float, ...]]:
    """Return sums without a part of them; routes that are not in the sums are left out."""
    return {
        route: tuple(
            a - b for a, b in zip(values, part.get(route, (0.0,) * len(values)), strict=True)
        )
        for route, values in sums.items()
    }


@dataclass(frozen=True, slots=True)
class Contributions:
    """What is stored of evidence: by replica, and of all replicas that are gone."""

    by_replica: Mapping[str, Sums] = field(default_factory=dict)
    folded: Sums = field(default_factory=dict)
    folded_replicas: Sequence[str] = ()

    def total(self, without: str = "") -> dict[str, tuple[float, ...]]:
        """Return the evidence by route, without the contribution of one replica."""
        passed_over = {without, *self.folded_replicas}
        counted = (sums for name, sums in self.by_replica.items() if name not in passed_over)
        return add_sums([self.folded, *counted])

    def fold(self, gone: Iterable[str]) -> Contributions:
        """Return them with the contributions of some replicas folded into one."""
        wanted = set(gone)
        names = [name for name in self.by_replica if name in wanted]
        new = [name for name in names if name not in self.folded_replicas]
        return Contributions(
            {name: sums for name, sums in self.by_replica.items() if name not in names},
            add_sums([self.folded, *(self.by_replica[name] for name in new)]),
            (*self.folded_replicas, *new)[-MAX_FOLDED:],
        )
