"""What one version may be given at once, and where messages wait for a slot.

A waiting message keeps its permit and its lease, so all versions together let at most a tenth of
the route's permits wait: a hanging canary never stops stable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from gateway.aiokit.lazy_timer import CLOCK_RESOLUTION_SECONDS
from gateway.core.delivery.disposition import overload_seconds
from gateway.runtime.auto_limits import fit
from gateway.runtime.circuit_breaker import CircuitBreaker
from gateway.runtime.target_settings import target_settings
from gateway.runtime.waiter import Waiter, join

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.concurrency import ConcurrencyLimit
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Target

BURST_SECONDS: Final = 0.1
"""How far ahead of its `max_rate` a version may get: receives come in tens, not one by one."""


class WaitQueue:
    """How many messages of a route may wait for a slot, of all versions together."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.waiting = 0
        self.closed = False

    @property
    def left(self) -> int:
        """How many more may wait; 0 once the route stops."""
        return 0 if self.closed else max(0, self.size - self.waiting)


class Limiter:
    """The limits of one version: in flight, rate, circuit breaker; and its target.

    `limit` is the limit in flight that is in force, by `auto` where it finds itself.
    """

    def __init__(self, version: Version, target: Target, wait_queue: WaitQueue) -> None:
        self.version = version
        self.target = target
        self.limit = version.max_in_flight
        self.auto: ConcurrencyLimit | None = None
        self.in_flight = 0
        self._wait_queue = wait_queue
        self._removed = False
        self._breaker = CircuitBreaker()
        self._ready_at = 0.0  # generic cell rate algorithm: when the next delivery conforms
        self._waiters: deque[Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._waking = False

    @property
    def _closed(self) -> bool:
        return self._removed or self._wait_queue.closed

    def acquire(self) -> bool:
        """Take a slot, if one is free and nothing waits for it."""
        version = self.version
        if (
            self._waiters
            or version.max_rate is not None
            or self._removed
            or self._breaker.overloads
            or self.in_flight >= self.limit
        ):
            return not self._waiters and not self._removed and self._admits()
        self.in_flight += 1
        return True

    def wait(self, admitted: Callable[[bool], None], sent_at: float = 0.0) -> Waiter | None:
        """Wait for a slot; None where the wait queue is full or the version was removed.

        In a full one the waiter with the highest `sent_at` makes way for an older message. Else
        that could be turned away each time that it comes back, while newer ones find a place.
        """
        if self._removed:
            return None
        waiters = self._waiters
        if not (self._wait_queue.left or self._was_lowered()):
            if not (waiters and sent_at < waiters[-1].sent_at) or self._wait_queue.closed:
                return None
            self._wait_queue.waiting -= 1
            waiters.pop().admitted(False)  # noqa: FBT003 - a callback's one flag
        waiter = Waiter(self.remove_waiter, admitted, sent_at)
        join(waiters, waiter)
        self._wait_queue.waiting += 1
        self._set_timer()
        return waiter

    def remove_waiter(self, waiter: Waiter) -> None:
        """Take a waiter out of the wait queue, if it is still in it."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            self._wait_queue.waiting -= 1

    def release_after_ack(self) -> None:
        """Give the slot back after an ack."""
        self.in_flight -= 1
        if self._breaker.overloads:
            self._breaker.on_end()
            self._breaker.on_success()
        if self._waiters:
            self.wake()

    def release(self, result: DeliveryResult | None) -> None:
        """Give the slot back; the circuit breaker learns from the result, if there is one."""
        self.in_flight -= 1
        if self._breaker.overloads:
            self._breaker.on_end()
        if result is not None:
            self._judge(result)
        if self._waiters:
            self.wake()

    def _judge(self, result: DeliveryResult) -> None:
        seconds = overload_seconds(result)
        if seconds is None:
            self._breaker.on_success()
        else:
            self._breaker.on_overload(seconds, asyncio.get_running_loop().time())

    @property
    def retry_after_seconds(self) -> float | None:
        """How long at least a message that finds no slot goes back; None: as usual."""
        return self._breaker.retry_after_seconds

    def remove(self) -> None:
        """Turn every waiter away: a reload removed the version."""
        self._removed = True
        self.wake()

    def wake(self) -> None:
        """Admit as many waiters as there are slots; all of them, without a slot, once closed."""
        if self._waking:  # a waiter that was admitted released its slot at once: the loop sees it
            return
        self._waking = True
        try:
            while self._waiters and (self._closed or self._admits()):
                self._wait_queue.waiting -= 1
                self._waiters.popleft().admitted(not self._closed)
        finally:
            self._waking = False
        self._set_timer()

    def expect(self, messages: int) -> None:
        """Let a limit that finds itself rise for messages on their way."""
        if self.auto is not None:
            self.auto.expect(self.in_flight + messages)
            self.limit = self.auto.limit

    def free_slots(self) -> int:
        """How many deliveries could begin at this moment."""
        if self._waiters:
            return 0
        limit = self.limit if self.auto is None else self.limit + self.auto.ready
        by_number = max(0, limit - self.in_flight)
        if self.version.max_rate is None and not self._breaker.overloads:
            return by_number
        now = asyncio.get_running_loop().time()
        if self._breaker.tripped:
            by_number = min(by_number, int(self._breaker.allows(now)))
        if self.version.max_rate is None:
            return by_number
        ahead = now + BURST_SECONDS - max(now, self._ready_at)
        return min(by_number, int(ahead * self.version.max_rate) + 1) if ahead >= 0 else 0

    def _admits(self) -> bool:
        version = self.version
        if self.in_flight >= self.limit and not self._widen():
            return False
        if version.max_rate is not None or self._breaker.overloads:
            now = asyncio.get_running_loop().time()
            if self._ready_at > now + BURST_SECONDS or not self._breaker.allows(now):
                return False
            self._breaker.on_begin()
            if version.max_rate is not None:
                self._ready_at = max(now, self._ready_at) + 1 / version.max_rate
        self.in_flight += 1
        return True

    def _was_lowered(self) -> bool:
        """Whether there was a slot for one more message before the limit lowered itself."""
        before = 0 if self.auto is None or self._closed else self.auto.limit_before
        return self.in_flight + len(self._waiters) < before

    def _widen(self) -> bool:
        widened = self.auto is not None and self.auto.widen()
        self.limit += widened
        return widened

    def _set_timer(self) -> None:
        if not self._waiters or self._timer is not None:
            return
        if self.in_flight >= self.limit or self._breaker.probing:
            return  # a delivery has to end first, and wakes the next
        loop = asyncio.get_running_loop()
        opens_at = max(self._ready_at - BURST_SECONDS, self._breaker.open_until)
        now = loop.time()
        if opens_at <= now:  # of two sums that should be one, either may be less
            opens_at = now + CLOCK_RESOLUTION_SECONDS
        self._timer = loop.call_at(opens_at, self._timer_ended)

    def _timer_ended(self) -> None:
        self._timer = None
        self.wake()


class Limiters:
    """The limiters of one route's versions, and the wait queue that they share.

    They are kept over a reload, so that limits hold across it.
    """

    def __init__(self, route: Route, make_target: Callable[[Version], Target]) -> None:
        self.wait_queue = WaitQueue(1)
        self._make_target = make_target
        self._limiters: dict[str, Limiter] = {}
        self._stable = ""
        self.autos: list[ConcurrencyLimit] = []  # the limits that find themselves
        self._retired: list[Target] = []
        self.adopt(route)

    def adopt(self, route: Route) -> None:
        """Take the versions of a new routing table; targets no longer used are retired."""
        self._stable = route.stable.name
        for name in set(self._limiters) - {version.name for version in route.versions}:
            self._retired.append(self._limiters[name].target)
            self._limiters.pop(name).remove()
        for version in route.versions:
            self._adopt(version)
        self.autos = [each.auto for each in self._limiters.values() if each.auto is not None]

    def of(self, version: Version) -> Limiter | None:
        """Return the limiter of a version; None where a reload has removed it."""
        return self._limiters.get(version.name)

    def stable_capacity(self) -> int:
        """How many messages stable can take or let wait; receiving more would send them back."""
        return self._limiters[self._stable].free_slots() + self.wait_queue.left

    def expect(self, messages: int) -> None:
        """Let stable's limit rise for messages that are on their way."""
        self._limiters[self._stable].expect(messages)

    def in_flight(self) -> dict[str, int]:
        """How many deliveries run, by version name."""
        return {name: limiter.in_flight for name, limiter in self._limiters.items()}

    def limits(self) -> dict[str, int]:
        """How many may run at this moment, by version name."""
        return {name: limiter.limit for name, limiter in self._limiters.items()}

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
            limiter = Limiter(version, self._make_target(version), self.wait_queue)
            self._limiters[version.name] = limiter
            fit(limiter, version)
            return
        if target_settings(version) != target_settings(limiter.version):
            self._retired.append(limiter.target)
            limiter.target = self._make_target(version)
            limiter.auto = None  # what it learned is another's
        limiter.version = version
        fit(limiter, version, limiter.limit)
        limiter.wake()
