"""One observer in front of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.core.events import Event
    from gateway.ports import Observer


class Observers:
    """An Observer that passes every event on to others, in their order."""

    __slots__ = ("_observe",)

    def __init__(self, *observers: Observer) -> None:
        self._observe = tuple(observer.observe for observer in observers)

    def observe(self, event: Event) -> None:
        """Pass the event on."""
        for observe in self._observe:
            observe(event)
