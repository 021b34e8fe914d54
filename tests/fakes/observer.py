"""An observer that remembers every fact."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from gateway.core.events import Acked, Delivered, Outcome
from tests.fakes.bell import Bell

if TYPE_CHECKING:
    from gateway.core.events import Fact

F = TypeVar("F")


class FakeObserver:
    """Remembers facts and when they were noticed."""

    def __init__(self, bell: Bell | None = None) -> None:
        self.bell = bell or Bell()
        self.timed: list[tuple[float, Fact]] = []

    def notice(self, fact: Fact) -> None:
        """Remember a fact."""
        self.timed.append((asyncio.get_running_loop().time(), fact))
        self.bell.ring()

    def of(self, kind: type[F]) -> list[F]:
        """Return the facts of one kind, in order."""
        return [fact for _, fact in self.timed if isinstance(fact, kind)]

    def outcomes(self) -> list[tuple[str, Outcome]]:
        """Return (version, outcome) of every delivery that ended, in order."""
        found: list[tuple[str, Outcome]] = []
        for _, fact in self.timed:
            if isinstance(fact, Acked):
                found += [(fact.version, Outcome.ACK)] * len(fact.seconds)
            elif isinstance(fact, Delivered):
                found.append((fact.version, fact.outcome))
        return found
