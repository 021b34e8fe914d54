"""What the services saw: each arrival of a record, and whether it got its 2xx."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Which record."""

    partition: int
    offset: int


@dataclass(slots=True, eq=False)
class Arrival:
    """One delivery; `alongside` are others of its key that were open when it began."""

    at: float
    place: Place
    key: str
    version: str
    gateway: str
    answered: bool = False
    alongside: list[Arrival] = field(default_factory=list)


class Arrivals:
    """All of them, in order, and what of them is known at once."""

    def __init__(self) -> None:
        self.all: list[Arrival] = []
        self.answered: set[Place] = set()
        self.seen: set[Place] = set()
        self.versions: Counter[str] = Counter()
        self._open: dict[str, list[Arrival]] = defaultdict(list)

    def begin(self, arrival: Arrival) -> None:
        """Take one that came."""
        open_now = self._open[arrival.key]
        arrival.alongside = list(open_now)
        open_now.append(arrival)
        self.all.append(arrival)
        self.seen.add(arrival.place)
        self.versions[arrival.version] += 1

    def answer(self, arrival: Arrival) -> None:
        """Note that its 2xx is being written."""
        arrival.answered = True
        self.answered.add(arrival.place)

    def end(self, arrival: Arrival) -> None:
        """Note that its conversation is over."""
        open_now = self._open[arrival.key]
        if arrival in open_now:
            open_now.remove(arrival)
