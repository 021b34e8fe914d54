"""A canary that hangs, in front of brokers: one gateway whose routes differ in `when_behind`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.fakes.kafka_brokers import QUICK, MockCluster, committed
from tests.integration.exchanges import Answer, Silence
from tests.integration.gateway_process import GatewayProcess
from tests.integration.kafka.topics import NOWHERE
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.services import Service

RECORDS = 300
MAX_BEHIND = 60
OF_GROUPS = {"session.timeout.ms", "heartbeat.interval.ms"}


class Routed:
    """A topic with a route of its own: a tenth of its keys go to a canary that hangs."""

    def __init__(self, mock: MockCluster, when_behind: str, new_service: NewService) -> None:
        self.mock, self.when_behind = mock, when_behind
        self.name = when_behind.partition("-")[0]
        self.topic = f"{self.name}-{uuid4()}"
        self.stable: Service = new_service("stable")
        self.canary: Service = new_service("canary")
        self.canary.otherwise = Silence()
        for number in range(RECORDS):
            mock.send(self.topic, b"%d" % number, key=b"k-%d" % number, partition=0)
        mock.flush()

    def route(self) -> dict[str, Any]:
        settings = {name: value for name, value in QUICK.items() if name not in OF_GROUPS}
        kafka = {
            "brokers": self.mock.address.split(","),
            "topic": self.topic,
            "group": self.topic,
            "start": "earliest",
            "protocol": "consumer",
            "max_behind": MAX_BEHIND,
            "settings": settings,
        }
        hangs = {"url": self.canary.url, "tag": "v2", "timeout": "1s", "max_in_flight": 2}
        return {
            "name": self.name,
            "kafka": kafka,
            "versions": {"stable": {"url": self.stable.url, "tag": "v1"}, "canary": hangs},
            "split": {"stable": 90, "canary": 10},
            "retry": {"min": "1s", "max": "1s"},
            "max_attempts": 1000,
            "when_behind": self.when_behind,
            "reject": "block",
        }

    @property
    def committed(self) -> int:
        return committed(self.mock, self.mock.plan(self.topic, group=self.topic)).get(0, 0)

    def wait_for(self, offset: int) -> None:
        """Wait until that is committed."""
        until(lambda: self.committed >= offset, f"the commit of {offset} of {self.name}")


def texts(service: Service, reason: str = "split") -> set[str]:
    """Return the bodies that it was sent for this reason."""
    return {each.text for each in service.seen() if each["x-gateway-reason"] == reason}


def test_a_canary_that_hangs_with_each_way_of_falling_behind(
    new_service: NewService, tmp_path: Path
) -> None:
    mock, parking = MockCluster(), f"parked-{uuid4()}"
    mock.produce(parking, b"before", key=b"before", partition=0)
    routed = [Routed(mock, each, new_service) for each in ("pause", "fallback", parking)]
    pause, fallback, parked = routed
    routing = {"routes": [each.route() for each in routed]}
    with GatewayProcess(tmp_path, routing, NOWHERE) as gateway:

        def paused(of: Routed) -> float:
            found = gateway.metrics("gateway_kafka_paused", "route", "partition")
            return found.get((of.name, "0"), 0)

        until(lambda: paused(pause), "the pause")
        # The last records are not behind: they wait for the canary.
        for each in (fallback, parked):
            each.wait_for(RECORDS - MAX_BEHIND + 1)
        assert texts(fallback.stable, "fallback")
        assert not texts(parked.stable, "fallback")
        (seen,) = (each for each in gateway.get("/api/routes")["routes"] if each["name"] == "pause")
        (view,) = (each for each in seen["kafka"]["partitions"] if each["behind"])
        assert (view["paused"], view["oldest"]) == (True, pause.committed)
        first = {str(number) for number in range(view["oldest"] + view["behind"])}
        before = texts(pause.stable)
        for each in routed:
            each.canary.otherwise = Answer()
        for each in routed:
            each.wait_for(RECORDS)
            got = [seen.text for seen in each.stable.seen() if seen.text != "before"]
            assert len(got) == len(set(got)), "stable got each of its records once"
            every = {str(number) for number in range(RECORDS)}
            assert (set(got) | texts(each.canary)) - {"before"} == every
        detours = gateway.metrics("gateway_kafka_detours_total", "route", "partition")
        assert detours[fallback.name, "0"] >= len(texts(fallback.stable, "fallback")) > 0
        assert detours[parked.name, "0"] > 0
        assert not detours[pause.name, "0"]
        assert before == first - texts(pause.canary), "all of stable's up to max_behind"
        assert not paused(pause)
        dead = gateway.metrics("gateway_deliveries_total", "route", "outcome")
        assert not [value for (_, outcome), value in dead.items() if outcome == "reject" and value]
        assert gateway.stop() == 0
