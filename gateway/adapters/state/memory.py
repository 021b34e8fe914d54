"""State that lasts as long as the process."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Never

from gateway.core.rollout.contributions import add_sums
from gateway.core.rollout.route_state import RouteState, SharedState, Torn
from gateway.core.rollout.stored import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.rollout.route_state import Stored
    from gateway.state_port import StateChange


class MemoryStore:
    """The store of a gateway alone; :class:`FileStore` keeps the same on disk."""

    def __init__(self) -> None:
        self._content = StateFile()
        self._before: Mapping[str, Sequence[float]] = {}  # the evidence of earlier processes
        self._changed: Callable[[], None] = _ignore
        self._writing = asyncio.Lock()

    @property
    def state(self) -> SharedState:
        """What is stored."""
        return SharedState(self._content.routes, self._before, self._content.others)

    @property
    def problems(self) -> Sequence[str]:
        """That the state was torn: routes without a state of their own since then still are."""
        others = self._content.others
        return () if others is None else (others.why,)

    def silent_seconds(self) -> float:
        """Return 0: it is always within reach."""
        return 0.0

    def may_promote(self) -> bool:
        """Return True: there is no other replica."""
        return True

    async def open(self) -> None:
        """Begin with nothing."""

    async def follow(self, changed: Callable[[], None]) -> Never:
        """Wait for ever: only this process changes the state."""
        self._changed = changed
        await asyncio.Event().wait()
        raise AssertionError

    async def update(self, route: str, change: StateChange) -> Stored | None:
        """Change the state of a route; raises StateError where it cannot be kept."""
        async with self._writing:
            stored = self.state.of(route)
            wanted = change(stored)
            if wanted is None or wanted == stored:
                return stored
            new = wanted.follow(stored if isinstance(stored, RouteState) else None)
            routes = {**self._content.routes, route: new}
            await self._replace(replace(self._content, routes=routes))
        self._changed()
        return new

    async def publish(self, sums: Mapping[str, Sequence[float]]) -> None:
        """Keep the sums, added to those of processes before; raises StateError."""
        async with self._writing:
            evidence = add_sums([self._before, sums])
            if evidence != self._content.evidence:
                await self._replace(replace(self._content, evidence=evidence))

    async def close(self) -> None:
        """Do nothing: there is nothing to give up."""

    async def _replace(self, content: StateFile) -> None:
        await self._keep(content)
        self._content = content

    async def _keep(self, content: StateFile) -> None:
        """Make the content last; raises StateError."""

    def _restore(self, content: StateFile) -> None:
        self._content = content
        self._before = content.evidence

    def _tear(self, why: str) -> None:
        self._restore(StateFile(others=Torn(why)))


def _ignore() -> None:
    """Take a change that no caller follows."""
