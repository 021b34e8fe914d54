"""What one version may be given at once, and where messages wait while it has enough.

Waiting messages keep their permit and their lease, so all versions together let at most a tenth
of the route's permits wait: a hanging canary never stops stable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.disposition import shed_seconds
from gateway.runtime.backoff import CLOCK_SECONDS
from gateway.runtime.circuit_breaker import CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
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


class Seat:
    """Where a message waits for its turn; `admitted` is told True for a turn, False for none."""

    __slots__ = ("admitted", "lane")

    def __init__(self, lane: Lane, admitted: Callable[[bool], None]) -> None:
        self.lane, self.admitted = lane, admitted

    def cancel(self) -> None:
        """Wait no more; nobody is told."""
        self.lane.get_up(self)


class Lane:
    """One version's limits and its target."""

    def __init__(self, version: Version, target: Target, room: WaitingRoom) -> None:
        self.version, self.target = version, target
        self.in_flight = 0
        self._room, self._removed = room, False
        self._shedding = CircuitBreaker()
        self._ready_at = 0.0  # generic cell rate algorithm: when the next delivery conforms
        self._queue: deque[Seat] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._waking = False

    @property
    def _closed(self) -> bool:
        return self._removed or self._room.closed

    def enter(self) -> bool:
        """Take a turn, if there is one."""
        version = self.version
        if (
            self._queue
            or version.max_rate is not None
            or self._removed
            or self._shedding.refusals
            or self.in_flight >= version.max_in_flight
        ):
            return not self._queue and not self._removed and self._admits()
        self.in_flight += 1
        return True

    def sit_down(self, admitted: Callable[[bool], None]) -> Seat | None:
        """Take a seat, for `admitted` to be told of a turn; None where none is left."""
        if self._removed or not self._room.left:
            return None
        seat = Seat(self, admitted)
        self._queue.append(seat)
        self._room.taken += 1
        self._set_timer()
        return seat

    def get_up(self, seat: Seat) -> None:
        """Give a seat up."""
        if seat in self._queue:
            self._queue.remove(seat)
            self._room.taken -= 1

    def leave_well(self) -> None:
        """Give the turn back after an ack."""
        self.in_flight -= 1
        if self._shedding.refusals:
            self._shedding.ended()
            self._shedding.took()
        if self._queue:
            self.wake()

    def leave(self, result: DeliveryResult | None) -> None:
        """Give the turn back, and learn from the result, if there is one."""
        self.in_flight -= 1
        shedding = self._shedding
        if shedding.refusals:
            shedding.ended()
        if result is not None:
            self._hear(result)
        if self._queue:
            self.wake()

    def _hear(self, result: DeliveryResult) -> None:
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
        if self._waking:  # somebody who was let in left at once: the loop below sees that
            return
        self._waking = True
        try:
            while self._queue and (self._closed or self._admits()):
                self._room.taken -= 1
                self._queue.popleft().admitted(not self._closed)
        finally:
            self._waking = False
        self._set_timer()

    def _set_timer(self) -> None:
        if not self._queue or self._timer is not None:
            return
        if self.in_flight >= self.version.max_in_flight or self._shedding.trying:
            return  # a delivery has to end first, and wakes the next
        loop = asyncio.get_running_loop()
        opens_at = max(self._ready_at - BURST_SECONDS, self._shedding.rests_until)
        now = loop.time()
        if opens_at <= now:  # of two sums that should be one, either may be less
            opens_at = now + CLOCK_SECONDS
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
        version = self.version
        if self.in_flight >= version.max_in_flight:
            return False
        if version.max_rate is not None or self._shedding.refusals:
            now = asyncio.get_running_loop().time()
            if self._ready_at > now + BURST_SECONDS or not self._shedding.admits(now):
                return False
            self._shedding.began()
            if self.version.max_rate is not None:
                self._ready_at = max(now, self._ready_at) + 1 / self.version.max_rate
        self.in_flight += 1
        return True


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
        if _reached(version) != _reached(lane.version):
            self.retired.append(lane.target)
            lane.target = self._make_target(version)
        lane.version = version
        lane.wake()


def _reached(version: Version) -> tuple[object, ...]:
    """Return all that a target is made of."""
    return version.url, version.headers, version.client, version.tls
