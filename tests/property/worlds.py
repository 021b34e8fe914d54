"""A world for the at-least-once machine: a queue, replicas, a witness, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from functools import partial
from itertools import count, cycle
from typing import TYPE_CHECKING, Final

from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Responded
from gateway.core.routing.route import Backoff, Fallback
from tests.builders import CANARY, STABLE, version
from tests.builders import route as any_route
from tests.fakes.faults import NONE
from tests.fakes.source import InMemorySource
from tests.property.replicas import Replica, virtual_time
from tests.property.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from tests.fakes.faults import Fault, Operation
    from tests.fakes.store import Stored
    from tests.fakes.target import FakeTarget

LEASE_SECONDS: Final = 6
DRAIN_SECONDS: Final = 25.0
CALM_SECONDS: Final = 600.0
"""More than every lease, backoff and pause of the runtime together."""
FAILURES_PER_LEASE: Final = 3
"""So often an operation fails in the time of a lease: an extension still comes through in time."""
STEP_SECONDS: Final = 0.2
OK: Final = Responded(200)
MOVED_CANARY: Final = version("canary", tag="v2", url="http://elsewhere.test/")
VERSIONS: Final = ((STABLE, CANARY), (STABLE,), (STABLE, MOVED_CANARY))


class World:
    """All of it stands still unless a method here lets it go on."""

    def __init__(self, *, fifo: bool, dead_letters: bool, round_trip_seconds: float) -> None:
        self.queue = InMemorySource(
            "orders.fifo" if fifo else "orders",
            visibility_seconds=LEASE_SECONDS,
            dead_letters=InMemorySource("dead"),
        )
        self.queue.round_trip_seconds = round_trip_seconds
        self.queue.faults.choose = self._fault
        self.witness = Witness(self.queue)
        self.replicas: list[Replica] = []
        self.pace_seconds = 0.05  # never 0: at `Retry-After: 0` time would stand still
        self._answers: Iterator[DeliveryResult | Exception] = cycle([OK])
        self._faults: defaultdict[Operation, deque[Fault]] = defaultdict(deque)
        self._failed_at: defaultdict[Operation, list[float]] = defaultdict(list)
        self._dead_letter = parse_queue("dead") if dead_letters else None
        self._route = self._table(VERSIONS[0], 50, 10)
        self._numbers = count()
        self._runner = virtual_time()

    # ---- what happens ---------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let everybody go on for so long."""
        self._runner.run(asyncio.sleep(seconds))

    def send(self, group: str) -> None:
        """Send a message; a standard queue has no groups."""
        name, group_if_any = f"{next(self._numbers):02}", group if self.queue.fifo else None
        self._do(lambda: self.witness.sent(self.queue.send(message_id=name, group=group_if_any)))

    def start(self) -> None:
        """Start a gateway beside those that are there."""
        name = f"gateway {len(self.replicas) + 1}"
        self._do(
            lambda: self.replicas.append(
                Replica(name, self._route, self.queue, self.witness, self._equip)
            )
        )

    def adopt(self, versions: Sequence[Version], canary: int, max_in_flight: int) -> None:
        """Give everybody another routing table."""
        self._route = self._table(versions, canary, max_in_flight)
        for replica in self.alive:
            self._do(partial(replica.running.adopt, self._route))

    def stop(self, replica: Replica, drain_seconds: float) -> None:
        """Stop one softly."""
        self._do(lambda: replica.stop(drain_seconds))

    def halt(self, replica: Replica) -> None:
        """Stop one hard."""
        self._do(replica.halt)

    def kill(self, replica: Replica) -> None:
        """Let one die without warning."""
        self._runner.run(replica.kill())

    def answer(self, results: Sequence[DeliveryResult | Exception]) -> None:
        """Let the services answer so from now on, by turns."""
        self._answers = cycle(results)

    def fail(self, operation: Operation, fault: Fault) -> None:
        """Let one of the next calls of an operation fail."""
        self._faults[operation].append(fault)

    def hand_out_again(self, stored: Stored) -> None:
        """Have SQS give a message to the next receive, under whosever lease it is."""
        self.witness.excused.add(stored.message_id)
        self._do(lambda: self.queue.hand_out_again(stored.message_id))

    # ---- what there is --------------------------------------------------------------------

    @property
    def working(self) -> list[Replica]:
        """The replicas that nobody has stopped."""
        return [replica for replica in self.replicas if not replica.stopping]

    @property
    def alive(self) -> list[Replica]:
        """The replicas that have not ended yet."""
        return [replica for replica in self.replicas if not replica.task.done()]

    @property
    def held(self) -> list[Stored]:
        """The messages that somebody holds under a lease."""
        now = self._runner.get_loop().time()
        return [stored for stored in self.queue.messages if stored.in_flight(now)]

    @property
    def sent(self) -> list[str]:
        """The ids of all messages."""
        return [stored.message_id for stored in self.queue.messages]

    @property
    def wrongs(self) -> list[str]:
        """Say what should not have happened so far."""
        return self.witness.wrongs + [each.wrong for each in self.replicas if each.wrong]

    def come_to_rest(self) -> None:
        """Let everything work until the queue is empty and every gateway has ended."""
        self._faults.clear()
        self.answer([OK])
        if not self.working:
            self.start()
        self._runner.run(self._emptied())

    def close(self) -> None:
        """End whatever still runs."""
        self._runner.close()

    # ---- inside ---------------------------------------------------------------------------

    async def _emptied(self) -> None:
        async with asyncio.timeout(CALM_SECONDS):
            await self.queue.bell.until(lambda: not self.queue.left)
            last = self.working
            for replica in last:
                replica.stop(DRAIN_SECONDS)
            await asyncio.wait([replica.task for replica in self.replicas])
        for replica in last:
            assert not replica.kept_permits, replica.name

    def _do(self, step: Callable[[], object]) -> None:
        async def story() -> None:
            step()
            await asyncio.sleep(STEP_SECONDS)

        self._runner.run(story())

    def _table(self, versions: Sequence[Version], canary: int, max_in_flight: int) -> Route:
        weights = {"stable": 100 - canary, "canary": canary} if len(versions) > 1 else None
        return any_route(
            weights,
            queue=self.queue.name,
            versions=versions,
            wait_seconds=2,
            max_in_flight=max_in_flight,
            retry=Backoff(1, 8),
            fallback=None if self.queue.fifo else Fallback(),
            dead_letter=self._dead_letter,
        )

    def _equip(self, target: FakeTarget) -> None:
        target.pace = lambda _: self.pace_seconds
        target.choose = lambda: next(self._answers)

    def _fault(self, operation: Operation, _entries: int) -> Fault:
        now = asyncio.get_running_loop().time()
        recent = [at for at in self._failed_at[operation] if now - at < LEASE_SECONDS]
        self._failed_at[operation] = recent
        if len(recent) >= FAILURES_PER_LEASE or not self._faults[operation]:
            return NONE
        recent.append(now)
        return self._faults[operation].popleft()
