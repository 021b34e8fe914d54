"""Soft stop, hard stop and sudden death (docs/reference/leases-order-stopping.md)."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.exchanges import Answer, Silence
from tests.integration.gateway_process import GatewayProcess
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service


class Stage:
    """A queue of the test's own, a service, and gateways to start and stop."""

    def __init__(
        self, name: str, folder: Path, service: Service, sqs: EmulatedSqs, thread: LoopThread
    ) -> None:
        self.service, self._sqs, self._folder = service, sqs, folder
        self.queue = sqs.create(name)
        self.gate = Gate(thread)

    def gateway(self, *, drain_seconds: float = 25, **more: Any) -> GatewayProcess:
        """Return a gateway that is not started yet."""
        route = {
            "name": "stopping",
            "queue": self.queue.name,
            "wait": "1s",
            "visibility": "30s",
            "versions": {"stable": self.service.url},
            **more,
        }
        settings = {"GATEWAY_DRAIN_SECONDS": str(drain_seconds)}
        routing = {"routes": [route]}
        return GatewayProcess(self._folder, routing, self._sqs.endpoint, environment=settings)

    def ledger(self) -> dict[str, Any]:
        """Return the queue in numbers."""
        return self._sqs.ledger(self.queue.name)

    def history(self, body: str) -> list[str]:
        """Return what happened to a message."""
        return [what for what, _ in self._sqs.history(self.queue.name)[body]]


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    new_service: NewService,
    emulator: EmulatedSqs,
    thread: LoopThread,
) -> Iterator[Stage]:
    stage = Stage(request.node.name[:80], tmp_path, new_service("service"), emulator, thread)
    yield stage
    stage.gate.open()


def test_a_soft_stop_ends_what_runs_and_gives_back_what_waits(stage: Stage) -> None:
    """Five deliveries run and three messages wait for a turn; /readyz says 503 until the end.

    What is sent meanwhile is not delivered either.
    """
    stage.service.otherwise = Answer(gate=stage.gate)
    versions = {"stable": {"url": stage.service.url, "max_in_flight": 5}}
    with stage.gateway(versions=versions, max_in_flight=40) as gateway:
        stage.queue.send_all([Draft(f"m-{n}") for n in range(8)])
        stage.service.wait_for(5)
        until(lambda: stage.ledger()["in_flight"] == 8, "all eight to be received")
        gateway.signal(signal.SIGTERM)
        gateway.wait_until_unready("stopping")
        assert gateway.client.get("/healthz").status_code == 200
        until(lambda: stage.ledger()["visible"] == 3, "three to be given back")
        stage.queue.send("too late")
        stage.gate.open()
        assert gateway.exit_status() == 0
    ledger = stage.ledger()
    assert (ledger["deleted"], ledger["visible"], ledger["in_flight"]) == (5, 4, 0)
    assert len(stage.service.seen()) == 5


def test_what_the_drain_does_not_finish_is_cancelled_and_given_back(stage: Stage) -> None:
    """Stopped by SIGINT, which is the same as SIGTERM."""
    stage.service.otherwise = Silence()
    with stage.gateway(drain_seconds=0.5) as gateway:
        stage.queue.send_all([Draft(f"hanging {n}") for n in range(3)])
        stage.service.wait_for(3)
        gateway.signal(signal.SIGINT)
        assert gateway.exit_status() == 0
    ledger = stage.ledger()
    assert (ledger["visible"], ledger["in_flight"], ledger["deleted"]) == (3, 0, 0)


def test_a_lease_is_extended_for_as_long_as_the_drain_lasts(stage: Stage) -> None:
    """The lease is 3 s; two extensions after SIGTERM, and it was never over."""
    stage.service.otherwise = Answer(gate=stage.gate)
    with stage.gateway(visibility="3s") as gateway:
        stage.queue.send("long work")
        stage.service.wait_for(1)
        gateway.signal(signal.SIGTERM)
        gateway.wait_until_unready("stopping")
        before = stage.history("long work").count("visibility_changed")
        until(
            lambda: stage.history("long work").count("visibility_changed") >= before + 2,
            "two extensions",
        )
        stage.gate.open()
        assert gateway.exit_status() == 0
    history = stage.history("long work")
    assert (history.count("received"), history[-1]) == (1, "deleted")
    assert len(stage.service.seen()) == 1


def test_a_second_signal_is_a_hard_stop(stage: Stage) -> None:
    """Deliveries are cancelled, leases released, exit status 1.

    A poll is under way: what is released and handed to it is given back again.
    """
    stage.service.otherwise = Silence()
    with stage.gateway() as gateway:
        stage.queue.send_all([Draft(f"hanging {n}") for n in range(3)])
        stage.service.wait_for(3)
        gateway.signal(signal.SIGTERM)
        gateway.wait_until_unready("stopping")
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_status() == 1
        assert "Traceback" not in gateway.logged()
    ledger = stage.ledger()
    assert (ledger["visible"], ledger["in_flight"], ledger["deleted"]) == (3, 0, 0)


def test_a_hard_stop_reaches_routes_that_a_reload_has_removed(stage: Stage) -> None:
    """Their deliveries drain for as long as the others' would, and no longer than that."""
    stage.service.otherwise = Silence()
    with stage.gateway(drain_seconds=3_600) as gateway:
        stage.queue.send("hanging")
        stage.service.wait_for(1)
        renamed = {"name": "renamed", "queue": "another", "versions": {"stable": "http://x/y"}}
        gateway.write({"routes": [renamed]})
        assert gateway.reload().json()["removed"] == ["stopping"]
        gateway.signal(signal.SIGTERM)
        gateway.wait_until_unready("stopping")
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_status() == 1
    assert stage.ledger()["in_flight"] == 0


def test_a_sudden_death_loses_nothing(stage: Stage) -> None:
    """Killed with deliveries under way; the leases give them back to the next process."""
    stage.service.otherwise = Silence()
    with stage.gateway(visibility="2s") as gateway:
        stage.queue.send_all([Draft(f"m-{n}") for n in range(12)])
        stage.service.wait_for(12)
        gateway.signal(signal.SIGKILL)
        assert gateway.exit_status() == -signal.SIGKILL
    assert stage.ledger()["deleted"] == 0
    stage.service.otherwise = Answer()
    with stage.gateway(visibility="2s") as gateway:
        until(lambda: stage.ledger()["deleted"] == 12, "all to be deleted")
        assert gateway.stop() == 0
    counts = {each.text: each.receive_count for each in stage.service.seen()}
    assert counts.keys() == {f"m-{n}" for n in range(12)}
    assert min(counts.values()) == 2


def test_a_restart_in_the_middle_of_a_flood_loses_and_doubles_nothing(stage: Stage) -> None:
    """A soft stop while hundreds are delivered a second; the next process does the rest."""
    stage.queue.send_all([Draft(f"m-{n}") for n in range(1_000)])
    with stage.gateway() as gateway:
        stage.service.wait_for(200)
        assert gateway.stop() == 0
    assert stage.ledger()["in_flight"] == 0
    assert stage.ledger()["deleted"] == len(stage.service.seen()) < 1_000
    with stage.gateway():
        until(lambda: stage.ledger()["deleted"] == 1_000, "all to be deleted")
    came = [each.text for each in stage.service.seen()]
    assert sorted(came) == sorted(f"m-{n}" for n in range(1_000))
