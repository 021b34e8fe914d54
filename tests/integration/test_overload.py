"""A service that sheds load is left alone for as long as it asks, and receives are not burnt.

Complaint 13: no throttle when the service sheds load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service

MANY = 300
AT_ONCE = 10
OUTAGE_SECONDS = 6.0
REFUSALS = 4 * AT_ONCE
"""Two rounds of what is delivered at once, and a try now and then; in six seconds without a pause
each of the 300 would be refused three times."""

SHEDS = Answer(503, {"retry-after": "2"})


@pytest.fixture
def service(new_service: NewService) -> Service:
    return new_service("service")


@pytest.fixture
def sqs(
    emulator: EmulatedSqs, service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmulatedSqs]:
    emulator.create("overload")
    route: dict[str, Any] = {
        "name": "overload",
        "queue": "overload",
        "wait": "1s",
        "max_in_flight": AT_ONCE,
        "versions": {"stable": service.url},
    }
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, {"routes": [route]}, emulator.endpoint):
        yield emulator


def test_a_service_that_sheds_load_is_polled_less_and_burns_no_receives(
    sqs: EmulatedSqs, service: Service
) -> None:
    """It refuses everything, until a try comes that is six seconds younger than the first one."""
    service.otherwise = SHEDS
    sqs.create("overload").send_all([Draft(f"overload {n}") for n in range(MANY)])
    refused = service.wait_until(
        lambda seen: bool(seen) and seen[-1].arrived_at - seen[0].arrived_at >= OUTAGE_SECONDS,
        "a try late in the outage",
    )
    meanwhile = sqs.ledger("overload")
    service.otherwise = Answer()

    assert len(refused) <= REFUSALS
    assert meanwhile["receives"] <= REFUSALS + AT_ONCE, "messages received, of 300 that wait"
    assert meanwhile["operations"]["ReceiveMessage"] <= REFUSALS + AT_ONCE
    until(lambda: sqs.ledger("overload")["deleted"] == MANY, "all to be taken after the outage")
    assert sqs.ledger("overload")["max_receive_count"] <= 3
    taken = [each.message_id for each in service.seen()[len(refused) :]]
    assert len(set(taken)) == MANY
