"""`gateway peek` for topics: the newest records, decided; no member, no commit, no body."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from gateway.adapters.kafka.peek import Peek
from gateway.cli.main import main
from gateway.core.kafka.plan import TopicAddress
from gateway.ports import SourceError
from tests.fakes.kafka_brokers import MockCluster, committed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SECRET = b"the-body-is-a-secret"


@pytest.fixture(scope="module")
def broker() -> MockCluster:
    return MockCluster()


@pytest.fixture
def topic(broker: MockCluster) -> str:
    """Return a topic of four partitions with twelve records, in the order of their time."""
    name = f"shop.orders-{uuid4()}"
    for at in range(12):
        broker.produce(name, str(at), partition=at % 4, timestamp=1_000_000 + at)
    return name


def _values(records: Sequence[Any]) -> list[str]:
    return [each.value.decode() for each in records]


def test_the_newest_of_all_partitions_come_in_the_order_of_their_time(
    broker: MockCluster, topic: str
) -> None:
    look = Peek(broker.plan(topic), TopicAddress(topic), 5).run()
    assert _values(look.records) == ["7", "8", "9", "10", "11"]
    assert (look.held, look.partitions) == (12, 4)


def test_nothing_is_committed(broker: MockCluster, topic: str) -> None:
    """So the next look finds the same, and the group begins where it would have begun."""
    plan = broker.plan(topic)
    looks = [Peek(plan, TopicAddress(topic), 3).run() for _ in range(2)]
    assert looks[0] == looks[1]
    assert committed(broker, plan) == {}


def test_a_topic_of_few_records_is_shown_whole(broker: MockCluster, topic: str) -> None:
    look = Peek(broker.plan(topic), TopicAddress(topic), 100).run()
    assert _values(look.records) == [str(at) for at in range(12)]


def test_a_cluster_that_is_out_of_reach_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and does not listen
        cluster = MockCluster()
        cluster.address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(SourceError, match="see `brokers`"):
            Peek(cluster.plan("orders"), TopicAddress("orders"), 1, seconds=1).run()


# ---- the command --------------------------------------------------------------------------------


def _file(folder: Path, broker: MockCluster, topic: str, **more: Any) -> str:
    kafka = {"brokers": [broker.address], "topic": topic, "group": "g", "start": "earliest"}
    versions = {name: {"url": f"http://{name}.test/", "tag": name} for name in ("stable", "v2")}
    split = {"stable": 100, "v2": 0}
    route = {"name": "orders", "kafka": kafka, "versions": versions, "reject": "block"}
    routes = [route | {"split": split}, *more.values()]
    (folder / "routes.yaml").write_text(json.dumps({"routes": routes}))
    return str(folder / "routes.yaml")


def _queue_route(queue: str) -> dict[str, Any]:
    return {"name": "other", "queue": queue, "versions": {"stable": "http://b.test/"}}


def test_records_are_decided_as_explain_does(
    broker: MockCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a yes, since it costs nothing; headers pin as attributes do."""
    topic = f"orders-{uuid4()}"
    broker.produce(topic, SECRET, key="k1", headers={"version": "v2"}, partition=0, timestamp=9_000)
    broker.produce(topic, None, partition=0, timestamp=9_001)
    file = _file(tmp_path, broker, topic)
    assert main(["peek", topic, "--config", file]) == 0
    printed = capsys.readouterr()
    head, pinned, tombstone = printed.out.splitlines()
    assert head.split() == ["RECORD", "TO", "WHY", "BUCKET", "SENT", "VERSION", "KEY"]
    assert pinned.split()[:4] == [f"{topic}/0/0", "v2", "(v2)", "pinned"]
    assert pinned.split()[-2:] == ["v2", "k1"]
    assert tombstone.split()[:4] == [f"{topic}/0/1", "stable", "(stable)", "split"]
    assert SECRET.decode() not in printed.out + printed.err
    assert "it costs nothing: no member joins the group, and nothing is committed" in printed.err


def test_for_programs_there_is_an_object_a_line(
    broker: MockCluster, topic: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of another topic of the cluster too, where the route is named."""
    more = ["--route", "orders", "--config", _file(tmp_path, broker, "another"), "--json"]
    assert main(["peek", topic, "--count", "2", *more]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["message_id"], second["message_id"]) == (f"{topic}/2/2", f"{topic}/3/2")
    assert first["reason"] == "split"
    assert first["sent"] == "1970-01-01T00:16:40Z"
    assert first["key"] is None


def test_a_name_that_is_a_queue_and_a_topic_needs_its_route(
    broker: MockCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _file(tmp_path, broker, "orders", other=_queue_route("orders"))
    assert main(["peek", "orders", "--config", file]) == 2
    assert "say one: orders, other" in capsys.readouterr().err


def test_a_topic_that_no_route_reads_is_told_how_to_be_found(
    broker: MockCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _file(tmp_path, broker, "orders")
    assert main(["peek", "shop.orders", "--config", file]) == 2
    assert "a topic needs --config with a route that reads it" in capsys.readouterr().err


def test_topics_that_a_route_names_are_found_by_it(
    broker: MockCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is shown is what there is, not what was asked for."""
    dead, parked, of_canary = (f"{name}-{uuid4()}" for name in ("dead", "parked", "canary"))
    file = tmp_path / "routes.yaml"
    routing = json.loads((tmp_path / _file(tmp_path, broker, "orders")).read_text())
    (route,) = routing["routes"]
    route |= {"reject": dead, "when_behind": parked}
    route["versions"]["v2"] = {"topic": of_canary}
    file.write_text(json.dumps(routing))
    for topic in (dead, parked, of_canary):
        broker.produce(topic, SECRET, partition=0)
        assert main(["peek", topic, "--config", str(file), "--json"]) == 0
        printed = capsys.readouterr()
        assert json.loads(printed.out)["route"] == "orders"
        assert f"{topic} holds about 1 record in 4 partitions; the newest are shown: 1" in (
            printed.err
        )
