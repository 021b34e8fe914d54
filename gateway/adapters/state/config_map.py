"""What a ConfigMap says: a key for each route, one for each replica's evidence, and `folded`.

Reads may come in another order than the writes, by a watch and by responses: what was seen already
is kept where it is newer. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.rollout.contributions import Contributions
from gateway.core.rollout.json_fields import TornStateError
from gateway.core.rollout.route_state import RouteState, Torn, merge
from gateway.core.rollout.stored import load_folded, load_state, load_sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.rollout.contributions import Sums
    from gateway.core.rollout.route_state import Stored

ROUTE: Final = "route."
REPLICA: Final = "replica."
FOLDED: Final = "folded"
IDLE_SECONDS: Final = 600.0
"""What has not changed for so long is folded; its replica, if it is still there, begins anew."""


class SeenConfigMap:
    """The content as last seen, merged with what was known before."""

    def __init__(self) -> None:
        self.texts: Mapping[str, str] = {}
        self.routes: dict[str, Stored] = {}
        self.unwritten: list[str] = []
        self.contributions = Contributions()
        self.torn_contributions: Sequence[str] = ()
        self._read: dict[str, tuple[str, Stored]] = {}
        self._highest: dict[str, int] = {}
        self._changed_at: dict[str, tuple[str, float]] = {}

    def take(self, texts: Mapping[str, str], now: float) -> bool:
        """Take the content as read at a moment; return whether it is another one."""
        if texts == self.texts:
            return False
        self.texts = texts
        self._take_routes(texts)
        self._take_contributions(texts)
        present = {key: text for key, text in texts.items() if key.startswith(REPLICA)}
        self._changed_at = {
            key: before
            if (before := self._changed_at.get(key)) is not None and before[0] == text
            else (text, now)
            for key, text in present.items()
        }
        return True

    def before(self, route: str) -> RouteState | None:
        """Return the state after which a change of a route is counted, though it may be torn."""
        generation = self._highest.get(route)
        return None if generation is None else RouteState(generation)

    def idle_replicas(self, now: float) -> list[str]:
        """Return the replicas whose contributions have not changed for long."""
        return [
            key.removeprefix(REPLICA)
            for key, (_, since) in self._changed_at.items()
            if now - since >= IDLE_SECONDS
        ]

    def _take_routes(self, texts: Mapping[str, str]) -> None:
        read: dict[str, tuple[str, Stored]] = {}
        for key, text in texts.items():
            if key.startswith(ROUTE):
                route = key.removeprefix(ROUTE)
                before = self._read.get(route)
                same = before is not None and before[0] == text
                read[route] = before if before is not None and same else (text, _state(text))
        self._read = read
        self.unwritten = []
        for route in {*self.routes, *read}:
            self._merge(route, read[route][1] if route in read else None)

    def _merge(self, route: str, read: Stored | None) -> None:
        merged = merge(self.routes.get(route), read)
        if merged is None:
            self.routes.pop(route, None)
            return
        self.routes[route] = merged
        if isinstance(merged, RouteState):
            self._highest[route] = max(merged.generation, self._highest.get(route, 0))
            if merged != read:
                self.unwritten.append(route)

    def _take_contributions(self, texts: Mapping[str, str]) -> None:
        by_replica, torn = {}, []
        for key, text in texts.items():
            if key.startswith(REPLICA):
                try:
                    by_replica[key.removeprefix(REPLICA)] = load_sums(text)
                except TornStateError as error:
                    torn.append(f"the evidence of {key.removeprefix(REPLICA)} {error}")
        folded: Sums = {}
        names: tuple[str, ...] = ()
        try:
            folded, names = load_folded(texts[FOLDED]) if FOLDED in texts else ({}, ())
        except TornStateError as error:
            torn.append(f"the evidence of earlier replicas {error}")
        self.torn_contributions = torn
        if _messages(folded) < _messages(self.contributions.folded):
            folded, names = self.contributions.folded, tuple(self.contributions.folded_replicas)
        contributions = Contributions(by_replica, folded, names)
        if _messages(contributions.total()) >= _messages(self.contributions.total()):
            self.contributions = contributions  # evidence grows only: a lower sum came late


def _state(text: str) -> Stored:
    try:
        return load_state(text)
    except TornStateError as error:
        return Torn(str(error))


def _messages(sums: Sums) -> float:
    """Return the number of messages in sums: canary's and stable's."""
    return sum(values[1] + values[4] for values in sums.values())
