"""The plan of a run: everything random comes from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how much, and from which seed. `calm` runs have reloads and soft stops alone."""

    seconds: float = 60.0
    seed: int = 1
    rate: float = 100.0
    replicas: int = 2
    groups: int = 24
    calm: bool = False

    def random(self, what: str) -> Random:
        """Return a generator for one concern; concerns do not change each other's numbers."""
        return Random(f"{self.seed} {what}")
