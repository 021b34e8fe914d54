"""A rolling update of two replicas under load: replaced one by one while a sender goes on.

By two ledgers: the service's, of what came, and the emulator's, of what was received and deleted.
"""

from __future__ import annotations

import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

import pytest

from tests.integration.exchanges import Answer
from tests.integration.fleet import Fleet
from tests.integration.queues import Draft, Queue
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.gateway_process import GatewayProcess
    from tests.integration.services import Service

REPLICAS: Final = 2
LONG_LEASE: Final = "300s"
"""Far beyond every test's patience: what is stranded under it fails the test."""
SHORT_LEASE: Final = "2s"


class SteadySender:
    """Sends two messages every twentieth of a second. Use as a context manager."""

    def __init__(self, queue: Queue) -> None:
        self.sent: list[str] = []
        self._queue, self._enough = queue, threading.Event()
        self._thread = threading.Thread(target=self._send, name="sender")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._enough.wait(0.05):
            bodies = [f"m-{len(self.sent) + number}" for number in range(2)]
            self._queue.send_all([Draft(body) for body in bodies])
            self.sent += bodies


class Stage:
    """A queue under load, and replicas that let few messages pass at once, so that some wait.

    One replica just takes the 40 messages a second that come, so that permits are left and polls
    are under way.
    """

    def __init__(self, name: str, folder: Path, service: Service, sqs: EmulatedSqs) -> None:
        self.service, self._sqs, self._folder = service, sqs, folder
        self.queue = sqs.create(name)
        service.otherwise = Answer(seconds=0.2)

    def fleet(self, lease: str) -> Fleet:
        versions = {"stable": {"url": self.service.url, "max_in_flight": 8}}
        route = {"name": "rolling", "queue": self.queue.name, "versions": versions}
        timing = {"wait": "1s", "visibility": lease, "max_in_flight": 30}
        return Fleet(self._folder, self._sqs.endpoint, route | timing)

    def wait_for_more(self) -> None:
        """Wait until the replicas that are there have delivered some more."""
        self.service.wait_for(len(self.service.seen()) + 20)

    def wait_until_deleted(self, sent: list[str]) -> None:
        """Wait until so many messages are deleted; the service takes no time any more."""
        self.service.otherwise = Answer()
        until(lambda: self.ledger()["deleted"] == len(sent), f"{len(sent)} to be deleted")

    def ledger(self) -> dict[str, int]:
        """Return the queue in numbers."""
        return self._sqs.ledger(self.queue.name)

    def deliveries(self) -> Counter[str]:
        """Return how often each message came."""
        return Counter(each.text for each in self.service.seen())

    def lost(self, sent: list[str]) -> list[str]:
        """Return the messages that were never answered with a 2xx."""
        acked = {event.request.text for event in self.service.record if event.status == 200}
        return sorted(set(sent) - acked)


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, new_service: NewService, emulator: EmulatedSqs
) -> Iterator[Stage]:
    """Answers to receives are on their way for a while: a poll that is cut off strands messages."""
    stage = Stage(request.node.name[:80], tmp_path, new_service("service"), emulator)
    slow = {"operation": "ReceiveMessage", "kind": "slow", "seconds": 0.2}
    emulator.break_with({**slow, "queue": stage.queue.name})
    yield stage
    emulator.break_with()


def replace_one_by_one(stage: Stage, fleet: Fleet, number: signal.Signals) -> list[GatewayProcess]:
    """Replace each of two replicas while the others go on; return those that are there then."""
    replicas = fleet.start(REPLICAS)
    statuses = []
    for old in tuple(replicas):
        stage.wait_for_more()
        replicas.append(fleet.launch())
        old.signal(number)
        statuses.append(old.exit_status())
        replicas.remove(old)
        replicas[-1].wait_until_ready()
    stage.wait_for_more()
    assert statuses == [0 if number == signal.SIGTERM else -number] * REPLICAS
    return replicas


def test_a_rolling_update_by_sigterm_loses_none_doubles_none_and_strands_none(
    stage: Stage,
) -> None:
    """Complaint 4: under a lease of 300 s the queue is empty before any lease ends."""
    with stage.fleet(LONG_LEASE) as fleet:
        with SteadySender(stage.queue) as sender:
            replicas = replace_one_by_one(stage, fleet, signal.SIGTERM)
        stage.wait_until_deleted(sender.sent)
        assert [replica.stop() for replica in replicas] == [0] * REPLICAS
    assert stage.lost(sender.sent) == []
    assert stage.deliveries() == dict.fromkeys(sender.sent, 1)
    ledger = stage.ledger()
    assert (ledger["visible"], ledger["in_flight"]) == (0, 0)


def test_a_rolling_update_by_sigkill_loses_none(stage: Stage) -> None:
    """What the dead had in hand comes again after its lease; that may double some."""
    with stage.fleet(SHORT_LEASE) as fleet:
        with SteadySender(stage.queue) as sender:
            replicas = replace_one_by_one(stage, fleet, signal.SIGKILL)
        stage.wait_until_deleted(sender.sent)
        assert [replica.stop() for replica in replicas] == [0] * REPLICAS
    doubled = [body for body, count in stage.deliveries().items() if count > 1]
    assert stage.lost(sender.sent) == [], f"and doubled {len(doubled)}: {doubled}"
    assert stage.deliveries().keys() == set(sender.sent)
