"""Random faults of source and targets, the same ones for the same seed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

import looptime

from gateway.core.delivery.disposition import Broken, Responded, TimedOut, Unreachable
from tests.fakes.faults import BUSY, LOST, NONE, Operation, entries_fail, refused, reply_lost

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway.core.delivery.disposition import DeliveryResult
    from tests.fakes.faults import Fault
    from tests.fakes.rig import Rig

BATCHES: Final = (Operation.DELETE, Operation.CHANGE_VISIBILITY)
FAILURES: Final[tuple[DeliveryResult | Exception, ...]] = (
    Responded(404),
    Responded(500),
    Responded(400),
    Responded(429, retry_after_seconds=0),
    Responded(503, retry_after_seconds=3),
    Unreachable("refused"),
    Broken("reset"),
    TimedOut(30),
    RuntimeError("a defect"),
)


class VirtualTimeLoop(looptime.LoopTimeEventLoop, asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer; each one begins at 0."""


def in_virtual_time(scenario: Coroutine[None, None, None]) -> None:
    """Run a coroutine in a virtual-time loop of its own."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(noop_cycles=0)) as runner:
        runner.run(scenario)


@dataclass(frozen=True, slots=True)
class Trouble:
    """The share of deliveries and calls that fail, 0..1 each."""

    deliveries: float = 0.0
    calls: float = 0.0


class Chaos:
    """Makes the targets and the source of a rig fail."""

    def __init__(self, seed: int, trouble: Trouble) -> None:
        self.random, self._trouble = Random(seed), trouble

    def unleash(self, rig: Rig) -> None:
        """Inject faults from now on."""
        rig.queue.faults.choose = self._fault
        for _, target in rig.targets:
            target.pace = lambda _: self.random.choice([0, 0.01, 0.3, 4])
            target.choose = self._result

    def calm(self, rig: Rig) -> None:
        """Inject no faults from now on."""
        rig.queue.faults.choose = lambda *_: NONE
        for _, target in rig.targets:
            target.choose = lambda: Responded(200)

    def _result(self) -> DeliveryResult | Exception:
        if self.random.random() >= self._trouble.deliveries:
            return Responded(200)
        return self.random.choice(FAILURES)

    def _fault(self, operation: Operation, entries: int) -> Fault:
        if self.random.random() >= self._trouble.calls:
            return NONE
        if operation not in BATCHES or self.random.random() < 0.5:
            return self.random.choice([refused(), reply_lost()])
        positions = [at for at in range(entries) if self.random.random() < 0.5]
        error, applied = self.random.choice([(BUSY, False), (BUSY, True), (LOST, False)])
        return entries_fail(*positions, error=error, applied=applied)
