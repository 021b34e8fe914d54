"""What a run is to be: all of its chance comes from one seed."""

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

    def chance(self, what: str) -> Random:
        """Return dice of its own for one concern, so that concerns do not disturb each other."""
        return Random(f"{self.seed} {what}")
