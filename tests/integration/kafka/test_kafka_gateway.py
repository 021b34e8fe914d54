"""The whole gateway between a Kafka topic and its versions."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.kafka.topics import NOWHERE, Topics
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.kafka_brokers import MockCluster
    from tests.integration.conftest import NewService


def test_records_go_to_a_service_and_to_a_topic_and_are_committed(
    mock: MockCluster, new_service: NewService, tmp_path: Path
) -> None:
    topics, stable = Topics(mock), new_service("stable")
    with GatewayProcess(tmp_path, topics.routing(stable), NOWHERE) as gateway:
        mock.produce(topics.source, b'{"id": 1}', key=b"a", headers=[("x", b"1")], partition=1)
        pinned = [("version", b"v2"), ("x", b"1"), ("x", b"2")]
        mock.produce(topics.source, b'{"id": 2}', key=b"b", headers=pinned, partition=2)
        mock.produce(topics.source, None, key=b"c", partition=3)
        seen = {each.text: each for each in stable.wait_for(3)}
        assert set(seen) == {"before", '{"id": 1}', ""}
        first = dict(seen['{"id": 1}'].headers)
        assert first["x-kafka-topic"] == topics.source
        assert (first["x-kafka-partition"], first["x-kafka-offset"]) == ("1", "0")
        assert first["x-kafka-key"] == "a"
        assert dict(seen[""].headers)["x-kafka-tombstone"] == "true"
        (forwarded,) = topics.in_topic(topics.canary, 1)
        assert (forwarded.key(), forwarded.value()) == (b"b", b'{"id": 2}')
        assert [each for each in forwarded.headers() if each[0] == "x"] == pinned[1:]
        assert dict(forwarded.headers())["version"] == b"v2"
        until(lambda: topics.committed() == {0: 1, 1: 1, 2: 1, 3: 1}, "the commits")
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_status() == 0


def test_a_record_that_is_rejected_is_copied_with_its_marks_and_then_committed(
    mock: MockCluster, new_service: NewService, tmp_path: Path
) -> None:
    topics, stable = Topics(mock), new_service("stable")
    stable.on("poison", Answer(status=503))
    routing = topics.routing(stable, max_attempts=2)
    with GatewayProcess(tmp_path, routing, NOWHERE):
        mock.produce(topics.source, b"poison", b"after", key=b"a", partition=1)
        stable.wait_for(1, "after")
        assert len(stable.seen("poison")) == 2
        (copy,) = topics.in_topic(topics.dead, 1)
        marks = dict(copy.headers())
        assert marks["gateway-status"] == b"503"
        assert marks["gateway-attempts"] == b"2"
        assert marks["gateway-topic"] == topics.source.encode()
        until(lambda: topics.committed().get(1) == 2, "the commit")
