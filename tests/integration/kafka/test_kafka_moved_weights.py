"""Who moves a Kafka route's weights while it runs: a person, a reload, a followed object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.kafka_brokers import committed
from tests.integration.gateway_process import GatewayProcess
from tests.integration.kafka.topics import NOWHERE, Topics
from tests.integration.kube_process import VIRTUAL_SERVICES, KubeProcess, weighted
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.kafka_brokers import MockCluster
    from tests.integration.conftest import NewService
    from tests.integration.services import Service

WEIGHTS = "/api/routes/orders/weights"
MANY = 40


class Moved(Topics):
    """A topic whose route has two services; each step's records have its name."""

    def __init__(self, mock: MockCluster, new_service: NewService) -> None:
        super().__init__(mock)
        self.stable, self.canary = new_service("stable"), new_service("canary")

    def routed(self, **rest: Any) -> dict[str, Any]:
        """Make a routing file; what is None of the rest is left out."""
        urls = {"stable": self.stable.url, "canary": self.canary.url}
        versions = {name: {"url": url, "tag": name} for name, url in urls.items()}
        (route,) = self.routing(self.stable, **{"versions": versions, **rest})["routes"]
        return {"routes": [{key: value for key, value in route.items() if value is not None}]}

    def produce(self, step: str) -> None:
        """Add records to two partitions, each with a key of its own."""
        for number in range(MANY):
            key = b"%s-%d" % (step.encode(), number)
            self.mock.send(self.source, step.encode(), key=key, partition=1 + number % 2)
        self.mock.flush()

    def all_to(self, service: Service, step: str) -> None:
        """Produce, and wait until that service has each record once and the others none."""
        self.produce(step)
        service.wait_for(MANY, step)
        (other,) = {self.stable, self.canary} - {service}
        assert not other.seen(step)

    def wait_for_commits(self, steps: int) -> None:
        each = steps * MANY // 2
        until(lambda: self.committed() == {0: 1, 1: each, 2: each}, "the commits")

    def wait_for_weight(self, gateway: GatewayProcess, canary: float) -> None:
        labels = {"route": "orders", "version": "canary"}
        until(lambda: gateway.metric("gateway_split_weight", **labels) == canary, "the weight")


def test_by_hand_back_and_by_a_reload_no_record_is_lost_or_doubled(
    mock: MockCluster, new_service: NewService, tmp_path: Path
) -> None:
    moved = Moved(mock, new_service)
    routing = moved.routed(split={"stable": 100, "canary": 0})
    with GatewayProcess(tmp_path, routing, NOWHERE) as gateway:
        moved.all_to(moved.stable, "at first")
        assert gateway.client.put(WEIGHTS, json={"canary": 100}).is_success
        moved.all_to(moved.canary, "by hand")
        assert gateway.client.put(WEIGHTS, json={"canary": 0}).is_success
        moved.all_to(moved.stable, "in a hurry")
        assert gateway.client.delete(WEIGHTS).is_success
        (route,) = routing["routes"]
        route["split"] = {"stable": 0, "canary": 100}
        gateway.write(routing)
        assert gateway.reload().is_success
        moved.all_to(moved.canary, "by the file")
        route["kafka"] = {**route["kafka"], "max_behind": 7}  # the topic is read anew
        route["split"] = {"stable": 100, "canary": 0}
        gateway.write(routing)
        assert gateway.reload().is_success
        moved.all_to(moved.stable, "with other bounds")
        moved.wait_for_commits(5)
        assert gateway.metric("gateway_kafka_max_behind", route="orders") == 7
        assert gateway.stop() == 0
    for service in (moved.stable, moved.canary):
        places = [(each["x-kafka-partition"], each["x-kafka-offset"]) for each in service.seen()]
        assert len(places) == len(set(places))


def test_a_followed_object_moves_a_topic_as_it_moves_a_queue(
    mock: MockCluster, new_service: NewService, tmp_path: Path
) -> None:
    moved, kubernetes = Moved(mock, new_service), KubeProcess(tmp_path / "kubernetes")
    versions = {
        "stable": {"url": moved.stable.url, "subset": "stable"},
        "canary": {"url": moved.canary.url, "subset": "canary"},
    }
    follow = {"virtualService": "b", "host": "b"}
    routing = moved.routed(split=None, versions=versions, follow=follow)
    with kubernetes:
        kubernetes.create(VIRTUAL_SERVICES, {"metadata": {"name": "b"}, "spec": weighted(0)})
        with GatewayProcess(
            tmp_path, routing, NOWHERE, environment=kubernetes.environment
        ) as gateway:
            moved.all_to(moved.stable, "at first")
            for canary, service in ((100, moved.canary), (0, moved.stable)):
                kubernetes.patch(f"{VIRTUAL_SERVICES}/b", {"spec": weighted(canary)})
                moved.wait_for_weight(gateway, canary)
                moved.all_to(service, f"{canary} % by the object")
            moved.wait_for_commits(3)
            assert gateway.stop() == 0


def test_an_offset_that_the_topic_no_longer_has_is_said_and_start_decides(
    mock: MockCluster, new_service: NewService, tmp_path: Path
) -> None:
    moved = Moved(mock, new_service)
    moved.produce("kept")
    plan = mock.plan(moved.source, group=f"g-{moved.source}")
    moved.commit(1, 1_000_000)
    assert committed(mock, plan) == {1: 1_000_000}
    with GatewayProcess(tmp_path, moved.routed(), NOWHERE) as gateway:
        moved.stable.wait_for(MANY, "kept")
        until(lambda: moved.committed() == {0: 1, 1: MANY // 2, 2: MANY // 2}, "the commits")
        (told,) = [line for line in gateway.log.read_text().splitlines() if "oldest record" in line]
        assert f"partition 1 of topic {moved.source}" in told
        assert gateway.stop() == 0
