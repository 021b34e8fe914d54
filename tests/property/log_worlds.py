"""A world for the machine of a log: a topic, the members of a group, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import replace
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.disposition import Responded
from gateway.core.kafka.plan import KafkaPlan, Order, Start, TopicAddress, WhenBehind
from gateway.core.messages.record import Record
from gateway.core.routing.route import Backoff
from gateway.core.routing.sources import FromGroup
from tests.builders import CANARY, STABLE
from tests.builders import route as any_route
from tests.fakes.bell import Bell
from tests.fakes.faults import NONE
from tests.property.log_members import LogReplica, Topic
from tests.property.replicas import virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from tests.fakes.faults import Fault, Operation
    from tests.fakes.target import FakeTarget

PARTITIONS: Final = 3
DRAIN_SECONDS: Final = 25.0
TIMEOUT_SECONDS: Final = 10.0
"""Of the canary: above what services take that do not hang."""
REVOKE_SECONDS: Final = 60.0
CALM_SECONDS: Final = 3_000.0
"""More than every backoff and pause of the runtime together, for each record of one key."""
STEP_SECONDS: Final = 0.2
OK: Final = Responded(200)


class LogWorld:
    """All of it stands still unless a method here lets it go on."""

    def __init__(
        self, *, order: Order, reject: bool, max_attempts: int, max_behind: int, behind: str
    ) -> None:
        topic = TopicAddress
        self.plan = KafkaPlan(
            ("kafka:9092",),
            topic("orders"),
            "orders",
            Start.EARLIEST,
            order=order,
            reject=topic("orders.dead") if reject else None,
            max_attempts=max_attempts,
            max_behind=max_behind,
            when_behind=WhenBehind.FALLBACK if behind == "fallback" else WhenBehind.PAUSE,
            parking=topic("orders.parked") if behind == "parking" else None,
        )
        self.topic = Topic(Bell(), ordered=order is not Order.NONE and behind != "parking")
        self.topic.log.update({number: [] for number in range(PARTITIONS)})
        self.replicas: list[LogReplica] = []
        self.pace_seconds = 0.05
        self.parking_refuses = False
        self.moved: set[int] = set()
        """The partitions that had more than one owner, or one owner twice."""
        self._owned: set[int] = set()
        self._canaries: list[FakeTarget] = []
        self._hanging = self._connecting = False
        self._answers: Iterator[DeliveryResult | Exception] = cycle([OK])
        self._faults: defaultdict[Operation, deque[Fault]] = defaultdict(deque)
        self._stolen: list[tuple[LogReplica, int]] = []
        self._route = self._table(50, 10)
        self._runner = virtual_time()

    # ---- what happens ---------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let all go on for so long."""
        self._runner.run(asyncio.sleep(seconds))
        self._own()

    def produce(self, key: str, gap: int) -> None:
        """Append a record; `gap` offsets before it were compacted away. "-" is no key."""
        number = (ord(key) if key != "-" else self.produced) % PARTITIONS
        line = self.topic.log[number]
        offset = (line[-1].offset + 1 if line else 0) + gap
        raw = None if key == "-" else key.encode()
        line.append(Record("orders", number, offset, raw, b"{}", (), 1_000))
        self._do(self.topic.bell.ring)

    def start(self) -> None:
        """Start a gateway; it takes partitions of others once they have left them."""
        name = f"gateway {len(self.replicas) + 1}"
        self._do(
            lambda: self.replicas.append(LogReplica(name, self._route, self.topic, self._equip))
        )
        self.replicas[-1].member.faults.choose = self._fault
        self.replicas[-1].member.unparkable = lambda _: self.parking_refuses
        self._own()

    def adopt(self, canary: int, max_in_flight: int, moved: int = 0) -> None:
        """Give all of them another routing table; `moved` is how often the canary's url changed."""
        self._route = self._table(canary, max_in_flight, moved)
        for replica in self.alive:
            self._do(partial(replica.running.adopt, self._route))

    def stop(self, replica: LogReplica, drain_seconds: float) -> None:
        """Stop one softly."""
        self._do(lambda: replica.stop(drain_seconds))
        self._own()

    def halt(self, replica: LogReplica) -> None:
        """Stop one hard."""
        self._do(replica.halt)
        self._own()

    def kill(self, replica: LogReplica) -> None:
        """Let one die without warning."""
        self._runner.run(replica.kill())
        self._own()

    def move(self, partition: int, to: LogReplica, seconds: float = REVOKE_SECONDS) -> None:
        """Rebalance: the owner drains the partition for so long at most, then the other has it."""
        member = self.topic.owners.get(partition)
        if member is None or member is to.member or partition in member.gone:
            return
        has = partial(self._give, partition, to)
        self._do(partial(member.revoke, partition, has))
        self._do(lambda: self._later(seconds, partial(member.give_up, partition)))

    def steal(self, partition: int, to: LogReplica) -> None:
        """Give a partition to another, while its owner is not aware of it yet."""
        owner = next((one for one in self.alive if self._has(one, partition)), None)
        if owner is None or owner is to or self._has(to, partition):
            return
        self._stolen.append((owner, partition))
        self._do(partial(self._give, partition, to))

    def learn(self) -> None:
        """Have all know what they lost."""
        stolen, self._stolen = self._stolen, []
        for replica, partition in stolen:
            if not replica.task.done() and self.topic.owners.get(partition) is not replica.member:
                self._do(partial(replica.member.lose, partition))

    def hang(self, *, hanging: bool, connecting: bool = False) -> None:
        """Let the canary hang, or go on; `connecting`: no request gets a connection."""
        self._hanging, self._connecting = hanging, connecting
        for canary in self._canaries:
            self._do(partial(self._hold, canary))

    def answer(self, results: Sequence[DeliveryResult | Exception]) -> None:
        """Let the services answer so from now on, by turns."""
        self._answers = cycle(results)

    def fail(self, operation: Operation, fault: Fault) -> None:
        """Let one of the next calls of an operation fail."""
        self._faults[operation].append(fault)

    # ---- what there is --------------------------------------------------------------------

    @property
    def produced(self) -> int:
        """How many records there are."""
        return sum(len(line) for line in self.topic.log.values())

    @property
    def working(self) -> list[LogReplica]:
        """Those that were not stopped."""
        return [replica for replica in self.replicas if not replica.stopping]

    @property
    def alive(self) -> list[LogReplica]:
        """Those that have not ended yet."""
        return [replica for replica in self.replicas if not replica.task.done()]

    @property
    def names(self) -> set[str]:
        """The message ids of all records."""
        lines = self.topic.log.items()
        return {f"orders/{number}/{each.offset}" for number, line in lines for each in line}

    @property
    def wrongs(self) -> list[str]:
        """Say what should not have happened so far."""
        return self.topic.wrongs + [each.wrong for each in self.replicas if each.wrong]

    @property
    def left(self) -> list[str]:
        """The records at or past the committed offset of their partition."""
        committed = self.topic.committed
        return [
            f"orders/{number}/{each.offset}"
            for number, line in self.topic.log.items()
            for each in line
            if each.offset >= committed.get(number, 0)
        ]

    def come_to_rest(self) -> None:
        """Let everything work until all is committed, and every gateway has ended."""
        self._faults.clear()
        self.answer([OK])
        self.hang(hanging=False)
        self.parking_refuses = False
        self.pace_seconds = 0.05
        self.learn()
        if not self.working:
            self.start()
        until = self._runner.get_loop().time() + CALM_SECONDS
        while self.left and self._runner.get_loop().time() < until:
            self.pass_time(5)
        assert not self.left, f"not committed: {self.left}"
        for replica in self.working:
            self.stop(replica, DRAIN_SECONDS)
        self.pass_time(REVOKE_SECONDS + 2 * DRAIN_SECONDS)
        assert not self.alive

    def close(self) -> None:
        """End what still runs."""
        self._runner.close()

    # ---- inside ---------------------------------------------------------------------------

    def _has(self, replica: LogReplica, partition: int) -> bool:
        member = replica.member
        return self.topic.owners.get(partition) is member and partition not in member.gone

    def _own(self) -> None:
        """Give the partitions of those that ended to one that works."""
        ended = {id(each.member) for each in self.replicas if each.task.done()}
        for number in range(PARTITIONS):
            owner = self.topic.owners.get(number)
            if (owner is None or id(owner) in ended) and self.working:
                self._do(partial(self._give, number, self.working[number % len(self.working)]))

    def _give(self, partition: int, to: LogReplica) -> None:
        """Assign; where the new owner has ended meanwhile, the next look finds another."""
        if to.task.done():
            self.topic.owners.pop(partition, None)
        else:
            if partition in self._owned:
                self.moved.add(partition)
            self._owned.add(partition)
            to.member.lose(partition)  # what it had of an earlier time, and did not know it lost
            to.member.owned(partition)

    def _later(self, seconds: float, then: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, then)

    def _do(self, step: Callable[[], object]) -> None:
        async def story() -> None:
            step()
            await asyncio.sleep(STEP_SECONDS)

        self._runner.run(story())

    def _table(self, canary: int, max_in_flight: int, moved: int = 0) -> Route:
        there = replace(
            CANARY,
            url=f"http://canary-{moved}.test/",
            timeout_seconds=TIMEOUT_SECONDS,
            max_in_flight=max(1, max_in_flight // 2),
        )
        route = any_route(
            {"stable": 100 - canary, "canary": canary},
            versions=(STABLE, there),
            wait_seconds=2,
            max_in_flight=max_in_flight,
            retry=Backoff(1, 8),
            fallback=None,
            sticky=FromGroup(),
        )
        plan = self.plan
        return replace(route, queue=plan.topic, kafka=plan, dead_letter=plan.reject)

    def _equip(self, target: FakeTarget, version: Version) -> None:
        target.pace = lambda _: self.pace_seconds
        target.choose = lambda: next(self._answers)
        if version.name == CANARY.name:
            self._canaries.append(target)
            self._hold(target)

    def _hold(self, canary: FakeTarget) -> None:
        canary.connecting = self._connecting
        (canary.hold if self._hanging else canary.release)()

    def _fault(self, operation: Operation, _entries: int) -> Fault:
        return self._faults[operation].popleft() if self._faults[operation] else NONE
