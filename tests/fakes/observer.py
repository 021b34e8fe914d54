"""An observer that remembers every fact."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from gateway.core.events import Acked, Delivered, Outcome
from tests.fakes.bell import Bell

if TYPE_CHECKING:
    from gateway.core.events import Event

F = TypeVar("F")


class FakeObserver:
    """Remembers facts and when they were noticed."""

    def __init__(self, bell: Bell | None = None) -> None:
        self.bell = bell or Bell()
        self.timed: list[tuple[float, Event]] = []

    def observe(self, event: Event) -> None:
        """Remember a fact."""
        self.timed.append((asyncio.get_running_loop().time(), event))
        self.bell.ring()

    def of(self, kind: type[F]) -> list[F]:
        """Return the facts of one kind, in order."""
        return [event for _, event in self.timed if isinstance(event, kind)]

    def outcomes(self) -> list[tuple[str, Outcome]]:
        """Return (version, outcome) of every delivery that ended, in order."""
        found: list[tuple[str, Outcome]] = []
        for _, event in self.timed:
            if isinstance(event, Acked):
                found += [(event.version, Outcome.ACK)] * len(event.seconds)
            elif isinstance(event, Delivered):
                found.append((event.version, event.outcome))
        return found
