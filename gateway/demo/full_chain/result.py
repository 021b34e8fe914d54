"""What came of one way: the audit of its orders, or why it cannot be had here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.demo.audit import MEANING, Audit, Defect, audit, tag_of
from gateway.demo.checks import order_checks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.demo.audit import Sighting
    from gateway.demo.checks import Check
    from gateway.demo.load import Load

MISROUTED: Final[Mapping[Defect, str]] = {
    **MEANING,
    Defect.MISROUTED: "took another path than decided at the first queue",
}


@dataclass(frozen=True, slots=True)
class Result:
    """One way: the audit of its orders, and its checks."""

    name: str
    audit: Audit
    checks: Sequence[Check]

    @property
    def good(self) -> bool:
        """Whether every check passed."""
        return all(check.good for check in self.checks)


@dataclass(frozen=True, slots=True)
class Missing:
    """A way that cannot be had here, and why."""

    name: str
    why: str


def result_of(
    name: str, load: Load, expected: int, weights: Mapping[str, int], others: Sequence[Check]
) -> Result:
    """Audit the orders of one way by their paths alone: its services pass no version on to D."""
    audited = audit(list(load.orders.values()), map(_by_path, load.sightings), weights)
    return Result(name, audited, [*order_checks(audited, expected, MISROUTED), *others])


def _by_path(sighting: Sighting) -> Sighting:
    return replace(sighting, version=tag_of(sighting.path))
