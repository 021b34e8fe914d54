"""What a target that is a topic promises, in front of librdkafka's own cluster."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from gateway.adapters.kafka.producer import Producers
from gateway.adapters.kafka.topic_target import TopicTarget
from gateway.core.delivery.disposition import Accepted, Refused, TimedOut, Unreachable
from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.events import RouteWarned
from gateway.core.kafka.plan import TopicAddress
from gateway.core.kafka.records import message_of
from gateway.core.messages.record import Record
from gateway.core.messages.trace_context import TraceContext
from gateway.core.routing.decision import Reason
from gateway.core.routing.version import Version
from tests.fakes.kafka_brokers import WAIT_SECONDS, MockCluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.messages.message import Message

SENT_MS = 1_790_000_000_123


@pytest.fixture(scope="module")
def mock() -> MockCluster:
    return MockCluster()


class Deliveries:
    """A running target, and its deliveries."""

    def __init__(self, target: TopicTarget, timeout_seconds: float) -> None:
        self.events: list[Any] = []
        plan = DeliveryPlan("orders", "orders", "v2", "canary", Reason.SPLIT, timeout_seconds)
        self.sender = target.bind(plan)

    async def deliver(
        self, message: Message, context: TraceContext | None = None
    ) -> DeliveryResult:
        result: asyncio.Future[DeliveryResult] = asyncio.get_running_loop().create_future()
        if context is None:
            self.sender.send(message, result.set_result)
        else:
            self.sender.send_in(message, context, result.set_result)
        return await asyncio.wait_for(result, WAIT_SECONDS)


@asynccontextmanager
async def delivering(
    mock: MockCluster, topic: str, timeout_seconds: float = 30, **settings: str
) -> AsyncIterator[Deliveries]:
    version = Version("canary", "v2", topic=TopicAddress(topic))
    plan = mock.plan("orders", settings=settings)
    events: list[Any] = []
    target = TopicTarget(version, plan, Producers(), "orders", events.append)
    running = asyncio.create_task(target.run())
    deliveries = Deliveries(target, timeout_seconds)
    deliveries.events = events
    yield deliveries
    await target.close()
    await running


def made(mock: MockCluster) -> str:
    """Make a topic; its first record is no delivery."""
    topic = f"t-{uuid4()}"
    mock.produce(topic, b"before", partition=0)
    return topic


def message(
    value: bytes | None = b"v", key: bytes | None = b"k", *headers: tuple[str, bytes | None]
) -> Message:
    return message_of(Record("orders", 0, 7, key, value, headers, SENT_MS))


def delivered(mock: MockCluster, topic: str, count: int = 1) -> list[Any]:
    """Return the deliveries in a topic, each partition's in order."""
    consumer = Consumer(
        {"bootstrap.servers": mock.address, "group.id": f"g-{uuid4()}", "log_level": 2}
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(4)])
    found: list[Any] = []
    while len(found) < count + 1:
        got = consumer.poll(WAIT_SECONDS)
        assert got is not None
        assert got.error() is None
        found.append(got)
    consumer.close()
    return [each for each in found if each.value() != b"before"]


async def test_a_record_is_accepted_once_the_topic_has_it_with_key_headers_and_tag(
    mock: MockCluster,
) -> None:
    topic = made(mock)
    headers = [("a", b"1"), ("a", None), ("raw", b"\xff")]
    async with delivering(mock, topic) as deliveries:
        assert await deliveries.deliver(message(b"v", b"k", *headers)) == Accepted()
    (record,) = delivered(mock, topic)
    assert (record.key(), record.value()) == (b"k", b"v")
    sent_at = ("x-gateway-sent-at", str(SENT_MS).encode())
    assert record.headers() == [*headers, sent_at, ("version", b"v2")]


async def test_a_tombstone_stays_null_and_an_empty_value_and_key_stay_empty(
    mock: MockCluster,
) -> None:
    topic = made(mock)
    async with delivering(mock, topic) as deliveries:
        assert await deliveries.deliver(message(None, b"k")) == Accepted()
        assert await deliveries.deliver(message(b"", b"")) == Accepted()
        assert await deliveries.deliver(message(b"", None)) == Accepted()
    found = {(each.key(), each.value()) for each in delivered(mock, topic, 3)}
    assert found == {(b"k", None), (b"", b""), (None, b"")}


async def test_a_key_goes_to_the_partition_where_java_s_client_puts_it(mock: MockCluster) -> None:
    """The partitions of four by murmur2 of Kafka's own Utils.java: of 21, foobar and abc-..."""
    topic = made(mock)
    keys = [b"21", b"foobar", b"a-little-bit-long-string", b"a-little-bit-longer-string"]
    hashes = [-973932308, -790332482, -985981536, -1486304829]  # of its test, UtilsTest
    async with delivering(mock, topic) as deliveries:
        for key in keys:
            assert await deliveries.deliver(message(b"v", key)) == Accepted()
    found = {each.key(): each.partition() for each in delivered(mock, topic, len(keys))}
    assert found == {key: (value & 0x7FFFFFFF) % 4 for key, value in zip(keys, hashes, strict=True)}


async def test_records_of_a_key_keep_their_order(mock: MockCluster) -> None:
    topic = made(mock)
    async with delivering(mock, topic) as deliveries:
        sent = [deliveries.deliver(message(b"%d" % number)) for number in range(500)]
        assert set(await asyncio.gather(*sent)) == {Accepted()}
    values = [each.value() for each in delivered(mock, topic, 500)]
    assert values == [b"%d" % number for number in range(500)]


async def test_another_trace_context_goes_along(mock: MockCluster) -> None:
    topic = made(mock)
    context = TraceContext("a" * 32, "b" * 16, sampled=True)
    async with delivering(mock, topic) as deliveries:
        await deliveries.deliver(message(), context)
    (record,) = delivered(mock, topic)
    assert dict(record.headers())["traceparent"] == context.traceparent.encode()


async def test_a_record_that_is_too_large_is_refused(mock: MockCluster) -> None:
    most = {"message.max.bytes": "1000000"}  # as a broker would have it
    async with delivering(mock, made(mock), **most) as deliveries:
        result = await deliveries.deliver(message(b"x" * 2_000_000))
        assert isinstance(result, Refused)
        assert result.code == "MSG_SIZE_TOO_LARGE"
        assert await deliveries.deliver(message()) == Accepted()


async def test_a_topic_that_is_missing_is_unreachable_warned_of_once_and_not_made(
    mock: MockCluster,
) -> None:
    topic = f"t-{uuid4()}"
    async with delivering(mock, topic) as deliveries:
        for _ in range(2):
            result = await deliveries.deliver(message())
            assert isinstance(result, Unreachable)
            assert f"no topic {topic}" in result.why
    (warning,) = deliveries.events
    assert isinstance(warning, RouteWarned)
    assert "version canary" in warning.what
    assert "create the topic" in warning.what_to_do
    client = Producer({"bootstrap.servers": mock.address, "log_level": 2})
    assert topic not in client.list_topics(timeout=WAIT_SECONDS).topics


async def test_a_record_without_a_confirmation_in_time_is_timed_out(mock: MockCluster) -> None:
    lingering = {"linger.ms": "5000", "message.timeout.ms": "20000"}
    async with delivering(mock, made(mock), 0.05, **lingering) as deliveries:
        assert await deliveries.deliver(message()) == TimedOut(0.05)


async def test_a_delivery_that_was_given_up_has_no_result(mock: MockCluster) -> None:
    results: list[Any] = []
    async with delivering(mock, made(mock)) as deliveries:
        deliveries.sender.send(message(), results.append).cancel()
        assert await deliveries.deliver(message()) == Accepted()
    assert results == []


async def test_targets_of_one_cluster_share_a_producer_until_the_last_is_closed(
    mock: MockCluster,
) -> None:
    producers, topic = Producers(), made(mock)
    plan = mock.plan("orders")
    version = Version("canary", "v2", topic=TopicAddress(topic))
    first, second = (
        TopicTarget(version, plan, producers, "orders", lambda _: None) for _ in range(2)
    )
    producer = producers.acquire(plan)
    assert producer.users == 3
    for target in (first, second):
        await target.close()
        await target.run()
    assert producer.users == 1
    await producer.confirmed(topic, b"k", b"v", [])
    await producers.release(plan)
