"""FIFO with two replicas side by side, failing deliveries, a restart and a sudden death.

By the service's record of what began and what was answered, in the order in which it happened.
"""

from __future__ import annotations

import signal
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.integration.exchanges import Answer
from tests.integration.fleet import Fleet
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.gateway_process import GatewayProcess
    from tests.integration.services import Service

GROUPS = 50
MESSAGES_PER_GROUP = 30
BODIES = [f"g{group} {number}" for number in range(MESSAGES_PER_GROUP) for group in range(GROUPS)]


class Stage:
    """A FIFO queue of 50 groups by turns; every tenth message fails when it comes first."""

    def __init__(self, name: str, folder: Path, service: Service, sqs: EmulatedSqs) -> None:
        self.service, self._sqs = service, sqs
        self.queue = sqs.create(f"{name}.fifo")
        self.fleet = Fleet(folder, sqs.endpoint, self._route())
        service.otherwise = Answer(seconds=0.005)
        for position in range(0, len(BODIES), 10):
            body = BODIES[(position + position // GROUPS) % len(BODIES)]
            service.on(body, Answer(500, seconds=0.005), service.otherwise)

    def send(self) -> None:
        self.queue.send_all([Draft(body, group=_place(body)[0]) for body in BODIES])

    def failed_at_first(self) -> int:
        return sum(event.status == 500 for event in self.service.record)

    def doubled(self) -> list[str]:
        """Return the messages that were answered with 200 more than once."""
        acked = [event.request.text for event in self.service.record if event.status == 200]
        return sorted(body for body in set(acked) if acked.count(body) > 1)

    def overlaps(self) -> list[str]:
        """Return the requests that came while another of their group was being answered."""
        group_of = {each.message_id: _place(each.text)[0] for each in self.service.seen()}
        return [
            each.text
            for each in self.service.seen()
            if _place(each.text)[0] in {group_of[other] for other in each.alongside}
        ]

    def out_of_order(self) -> list[str]:
        """Return the requests that came before the message ahead had its 2xx, or after one behind.

        So a message may be repeated, but only as long as nothing behind it has begun.
        """
        acked: dict[str, int] = defaultdict(lambda: -1)
        begun: dict[str, int] = defaultdict(lambda: -1)
        wrong = []
        for request, status in self.service.record:
            group, number = _place(request.text)
            if status == 200:
                acked[group] = max(acked[group], number)
            elif status is None:
                if number < begun[group] or number > acked[group] + 1:
                    wrong.append(request.text)
                begun[group] = max(begun[group], number)
        return wrong

    def _route(self) -> dict[str, object]:
        return {
            "name": "fifo",
            "queue": self.queue.name,
            "wait": "1s",
            "visibility": "4s",
            "versions": {"stable": self.service.url},
            "retry": {"min": "1s", "max": "1s"},
        }


def _place(body: str) -> tuple[str, int]:
    group, _, number = body.partition(" ")
    return group, int(number)


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, new_service: NewService, emulator: EmulatedSqs
) -> Iterator[Stage]:
    stage = Stage(request.node.name[:70], tmp_path, new_service("service"), emulator)
    with stage.fleet:
        stage.send()
        yield stage


def check(stage: Stage) -> None:
    """Everything was delivered, every tenth message failed at first, and no group got muddled."""
    acked = {event.request.text for event in stage.service.record if event.status == 200}
    assert acked == set(BODIES)
    assert stage.failed_at_first() == len(BODIES) / 10
    assert stage.overlaps() == []
    assert stage.out_of_order() == []


def start_two(stage: Stage) -> tuple[GatewayProcess, GatewayProcess]:
    """Start two replicas and return them once both are in the middle of it."""
    one, other = stage.fleet.start(2)
    for replica in (one, other):
        until(partial(replica.metric, "gateway_messages_received_total", route="fifo"), "its share")
    stage.service.wait_for(400)
    return one, other


def test_groups_stay_in_order_while_one_of_two_replicas_is_restarted(stage: Stage) -> None:
    """The soft stop doubles nothing either."""
    one, other = start_two(stage)
    third = stage.fleet.launch()
    assert one.stop() == 0
    stage.queue.wait_until_empty()
    third.wait_until_ready()
    assert [other.stop(), third.stop()] == [0, 0]
    check(stage)
    assert stage.doubled() == []


def test_groups_stay_in_order_though_one_of_two_replicas_dies_suddenly(stage: Stage) -> None:
    """What it had in hand comes again once the lease is over, and ahead of all behind it."""
    one, other = start_two(stage)
    third = stage.fleet.launch()
    one.signal(signal.SIGKILL)
    assert one.exit_status() == -signal.SIGKILL
    stage.queue.wait_until_empty()
    third.wait_until_ready()
    assert [other.stop(), third.stop()] == [0, 0]
    check(stage)
