"""The limiters of one route's versions, kept over a reload so that limits hold across it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.runtime.limiter import Limiter, WaitQueue
from gateway.runtime.permits import waiting_share

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Target


class Limiters:
    """One limiter for each version, and the wait queue that they share."""

    def __init__(self, route: Route, make_target: Callable[[Version], Target]) -> None:
        self.wait_queue = WaitQueue(1)
        self._make_target = make_target
        self._limiters: dict[str, Limiter] = {}
        self._stable = ""
        self._retired: list[Target] = []
        self.adopt(route)

    def adopt(self, route: Route) -> None:
        """Take the versions of a new routing table; targets no longer used are retired."""
        self._stable = route.stable.name
        self.wait_queue.size = waiting_share(route.max_in_flight)
        for name in set(self._limiters) - {version.name for version in route.versions}:
            self._retired.append(self._limiters[name].target)
            self._limiters.pop(name).remove()
        for version in route.versions:
            self._adopt(version)

    def of(self, version: Version) -> Limiter | None:
        """Return the limiter of a version; None where a reload has removed it."""
        return self._limiters.get(version.name)

    def stable_capacity(self) -> int:
        """How many messages stable can take or let wait; receiving more would send them back."""
        return self._limiters[self._stable].free_slots() + self.wait_queue.left

    def in_flight(self) -> dict[str, int]:
        """How many deliveries run, by version name."""
        return {name: limiter.in_flight for name, limiter in self._limiters.items()}

    def close_wait_queue(self) -> None:
        """Turn every waiter away: the route stops."""
        self.wait_queue.closed = True
        for limiter in self._limiters.values():
            limiter.wake()

    async def close_retired(self) -> None:
        """Close the targets that no version uses any more."""
        while self._retired:
            await self._retired.pop().close()

    async def close(self) -> None:
        """Close every target."""
        self._retired += [limiter.target for limiter in self._limiters.values()]
        await self.close_retired()

    def _adopt(self, version: Version) -> None:
        limiter = self._limiters.get(version.name)
        if limiter is None:
            target = self._make_target(version)
            self._limiters[version.name] = Limiter(version, target, self.wait_queue)
            return
        if _target_settings(version) != _target_settings(limiter.version):
            self._retired.append(limiter.target)
            limiter.target = self._make_target(version)
        limiter.version = version
        limiter.wake()


def _target_settings(version: Version) -> tuple[object, ...]:
    """Return what a target is made of: where it changes, so does the target."""
    return version.url, version.headers, version.client, version.tls
