"""Watches a rollout on both gateways while the load runs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.demo.processes import DemoError
from gateway.demo.rollout.arrivals import Arrivals
from gateway.demo.rollout.load import SteadyLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.demo.rollout.environment import TrialEnvironment
    from gateway.demo.rollout.trial import Change, Trial

LOOK_SECONDS: Final = 0.1
STALL_SECONDS: Final = 45.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The canary's weight on each gateway at one moment; None: it did not respond."""

    at: float
    weights: tuple[float | None, ...]


class Watch:
    """What there was to see so far, by looks every 0.1 s; `observe` gets each new change."""

    def __init__(self, environment: TrialEnvironment, observe: Callable[[Change], None]) -> None:
        self.arrivals = Arrivals()
        self.samples: list[Sample] = []
        self.trials: Sequence[Trial | None] = ()
        self.load = SteadyLoad(
            environment.queue, environment.plan.rate, lambda: self.arrivals.processed
        )
        self._environment = environment
        self._observe = observe
        self._changes: tuple[Change, ...] = ()
        self._sending: asyncio.Task[None] | None = None

    @property
    def history(self) -> Sequence[Change]:
        """The newest history that a gateway has shown."""
        return self._changes

    def start(self) -> None:
        """Send from now on."""
        self._sending = asyncio.ensure_future(self.load.run())

    async def close(self) -> None:
        """Send nothing more."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def until(self, holds: Callable[[], object], what: str, seconds: float) -> None:
        """Watch until something holds; raises DemoError where it does not within the time."""
        end = time.monotonic() + seconds
        while True:
            await self.look()
            if holds():
                return
            if time.monotonic() > end:
                raise DemoError(f"{what}: not within {seconds:.0f} s; {self._state()}")
            await asyncio.sleep(LOOK_SECONDS)

    async def rest(self, seconds: float) -> None:
        """Watch for a time."""
        end = time.monotonic() + seconds
        await self.until(lambda: time.monotonic() >= end, "time", seconds + STALL_SECONDS)

    async def until_processed(self) -> None:
        """Stop the load, and watch until all is processed, or nothing has moved for long."""
        self.load.stop()
        before, moved = -1, time.monotonic()
        while self.arrivals.processed < self.load.sent or not self._has_stopped():
            await self.look()
            if self.arrivals.processed != before:
                before, moved = self.arrivals.processed, time.monotonic()
            elif time.monotonic() - moved > STALL_SECONDS:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once at both gateways, B and B1."""
        if self._sending is not None and self._sending.done():
            self._sending.result()
        trials = [replica.trial() for replica in self._environment.replicas]
        self.trials = await asyncio.gather(*trials)
        weights = tuple(None if one is None else one.weight for one in self.trials)
        self.samples.append(Sample(time.time(), weights))
        self.arrivals.add(await self._environment.new_arrivals())
        self._observe_changes()

    def all(self, holds: Callable[[Trial], object]) -> bool:
        """Whether something holds for what every gateway showed last."""
        return all(one is not None and holds(one) for one in self.trials)

    def in_force_from(self, weight: int, since: float, until: float) -> float | None:
        """Return from when on all gateways showed a weight, up to the end of a time."""
        within = [sample for sample in self.samples if since <= sample.at < until]
        found = None
        for sample in reversed(within):
            if set(sample.weights) != {weight}:
                break
            found = sample.at
        return found

    def first_in_force(self, weight: int, since: float) -> float | None:
        """Return when all gateways first showed a weight."""
        shown = (s.at for s in self.samples if s.at >= since and set(s.weights) == {weight})
        return next(shown, None)

    def _observe_changes(self) -> None:
        newest = max((t.history for t in self.trials if t is not None), key=len, default=())
        for change in newest[len(self._changes) :]:
            self._observe(change)
        if len(newest) >= len(self._changes):
            self._changes = newest  # one that is being stored may still get other counts

    def _has_stopped(self) -> bool:
        return self._sending is None or self._sending.done()

    def _state(self) -> str:
        shown = [
            "no response" if one is None else f"{one.phase}, {one.weight:g} %, {one.reason}"
            for one in self.trials
        ]
        return f"the gateways say: {'; '.join(shown)}"
