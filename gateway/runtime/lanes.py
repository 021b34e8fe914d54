"""What one version may be given at once, and where messages wait while it has enough.

Waiting messages keep their permit and their lease, so all versions together let at most a tenth
of the route's permits wait: a hanging canary never stops stable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from gateway.core.disposition import shed_seconds
from gateway.runtime.shedding import Shedding

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.disposition import DeliveryResult
    from gateway.core.route import Route
    from gateway.core.versions import Version
    from gateway.ports import Target

BURST_SECONDS: Final = 0.1
"""How far ahead of its `max_rate` a version may get: receives come in tens, not one by one."""


class WaitingRoom:
    """Seats for messages whose version is at its own limit; closed on stop."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self.taken = 0
        self.closed = False

    @property
    def left(self) -> int:
        """How many more may wait."""
        return 0 if self.closed else max(0, self.seats - self.taken)


class Lane:
    """One version's limits and its target."""

    def __init__(self, version: Version, target: Target, room: WaitingRoom) -> None:
        self.version, self.target = version, target
        self.in_flight = 0
        self._room, self._removed = room, False
        self._shedding = Shedding()
        self._ready_at = 0.0  # generic cell rate algorithm: when the next delivery conforms
        self._queue: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def _closed(self) -> bool:
        return self._removed or self._room.closed

    async def enter(self) -> bool:
        """Wait for a turn and take it; False where no seat is left to wait in."""
        if not self._queue and self._admits():
            return True
        if not self._room.left:
            return False
        self._room.taken += 1
        try:
            return await self._turn()
        finally:
            self._room.taken -= 1

    def leave(self) -> None:
        """Give the turn back: a delivery ended."""
        self.in_flight -= 1
        self._shedding.ended()
        self.wake()

    def heard(self, result: DeliveryResult) -> None:
        """Learn from a delivery's result how much the version takes."""
        seconds = shed_seconds(result)
        if seconds is None:
            self._shedding.took()
        else:
            self._shedding.refused(seconds, asyncio.get_running_loop().time())

    @property
    def pause_seconds(self) -> float | None:
        """For how long at least a message that finds no seat goes back; None: as usual."""
        return self._shedding.pause_seconds

    def remove(self) -> None:
        """Send everybody who waits away: the version is not to be had any more."""
        self._removed = True
        self.wake()

    def wake(self) -> None:
        """Let in whoever may go; everybody, without a turn, once the lane or the room is closed."""
        while self._queue:
            if not self._queue[0].done():
                if not self._closed and not self._admits():
                    break
                self._queue[0].set_result(None)
            self._queue.popleft()
        if self._queue and self._timer is None:
            loop = asyncio.get_running_loop()
            opens_at = max(self._ready_at - BURST_SECONDS, self._shedding.rests_until)
            if opens_at > loop.time():  # else: a delivery has to end first, and wakes the next
                self._timer = loop.call_at(opens_at, self._time_has_come)

    def _time_has_come(self) -> None:
        self._timer = None
        self.wake()

    def open_turns(self) -> int:
        """How many deliveries could begin at this moment."""
        if self._queue:
            return 0
        by_number = max(0, self.version.max_in_flight - self.in_flight)
        if self.version.max_rate is None and not self._shedding.sheds:
            return by_number
        now = asyncio.get_running_loop().time()
        if self._shedding.sheds:
            by_number = min(by_number, int(self._shedding.admits(now)))
        if self.version.max_rate is None:
            return by_number
        ahead = now + BURST_SECONDS - max(now, self._ready_at)
        return min(by_number, int(ahead * self.version.max_rate) + 1) if ahead >= 0 else 0

    def _admits(self) -> bool:
        if self.in_flight >= self.version.max_in_flight:
            return False
        if self.version.max_rate is not None or self._shedding.sheds:
            now = asyncio.get_running_loop().time()
            if self._ready_at > now + BURST_SECONDS or not self._shedding.admits(now):
                return False
            self._shedding.began()
            if self.version.max_rate is not None:
                self._ready_at = max(now, self._ready_at) + 1 / self.version.max_rate
        self.in_flight += 1
        return True

    async def _turn(self) -> bool:
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self.wake()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not self._closed:
                self.leave()
            raise
        return not self._closed


class Lanes:
    """The lanes of one route, kept over a reload so that limits hold across it."""

    def __init__(self, make_target: Callable[[Version], Target]) -> None:
        self._make_target = make_target
        self._lanes: dict[str, Lane] = {}
        self._stable = ""
        self.room = WaitingRoom(1)
        self.retired: list[Target] = []

    def adopt(self, route: Route) -> None:
        """Make room for the versions of a routing table; targets no longer used are retired."""
        self._stable = route.stable.name
        self.room.seats = max(1, route.max_in_flight // 10)
        for name in set(self._lanes) - {version.name for version in route.versions}:
            self.retired.append(self._lanes[name].target)
            self._lanes.pop(name).remove()
        for version in route.versions:
            self._adopt(version)

    def of(self, version: Version) -> Lane | None:
        """Return the lane of a version; None where a reload has removed it."""
        return self._lanes.get(version.name)

    def room_for_stable(self) -> int:
        """How many messages stable can take or seat; receiving more would send them back."""
        return self._lanes[self._stable].open_turns() + self.room.left

    def in_flight(self) -> dict[str, int]:
        """How many deliveries run, by version name."""
        return {name: lane.in_flight for name, lane in self._lanes.items()}

    def close_room(self) -> None:
        """Send everybody who waits away."""
        self.room.closed = True
        for lane in self._lanes.values():
            lane.wake()

    async def close(self) -> None:
        """Let go of every connection."""
        self.retired += [lane.target for lane in self._lanes.values()]
        while self.retired:
            await self.retired.pop().close()

    def _adopt(self, version: Version) -> None:
        lane = self._lanes.get(version.name)
        if lane is None:
            self._lanes[version.name] = Lane(version, self._make_target(version), self.room)
            return
        if (version.url, version.headers) != (lane.version.url, lane.version.headers):
            self.retired.append(lane.target)
            lane.target = self._make_target(version)
        lane.version = version
        lane.wake()
