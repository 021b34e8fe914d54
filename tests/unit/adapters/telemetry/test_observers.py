"""Several observers behind one."""

from __future__ import annotations

from gateway.adapters.telemetry.observers import Observers
from gateway.core.events import Event, Received


class Recorder:
    """Writes down who observed what."""

    def __init__(self, name: str, seen: list[tuple[str, Event]]) -> None:
        self.name = name
        self.seen = seen

    def observe(self, event: Event) -> None:
        self.seen.append((self.name, event))


def test_every_observer_gets_every_event_in_order() -> None:
    seen: list[tuple[str, Event]] = []
    one, two = Received("orders", 1), Received("orders", 2)
    observers = Observers(Recorder("a", seen), Observers(Recorder("b", seen)))
    for event in (one, two):
        observers.observe(event)
    assert seen == [("a", one), ("b", one), ("a", two), ("b", two)]
