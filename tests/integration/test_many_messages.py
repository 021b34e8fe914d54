"""Thousands of messages through the real process: lost 0, doubled 0, every decision as computed.

Against the emulator, which is fast at any depth and keeps a ledger.
"""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.decisions import assert_as_computed, bucket
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft
from tests.integration.random_messages import ROUTE, random_draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.exchanges import Request
    from tests.integration.queues import Sent
    from tests.integration.services import Service

MANY = 4_000
RANDOM = 1_000


class Stage:
    """Three routes over three services."""

    def __init__(
        self, gateway: GatewayProcess, sqs: EmulatedSqs, services: Sequence[Service]
    ) -> None:
        self.gateway, self._sqs, self._services = gateway, sqs, services

    def bring(self, name: str, drafts: Sequence[Draft]) -> tuple[list[Sent], list[Request]]:
        """Send all and return them with their deliveries once the ledger has each deleted."""
        sent = self._sqs.create(name).send_all(drafts)
        until(lambda: self._deleted(name) == len(sent), f"{len(sent)} deleted messages in {name}")
        requests = [request for service in self._services for request in service.seen()]
        return sent, [each for each in requests if each["x-aws-sqsd-queue"] == name]

    def _deleted(self, name: str) -> int:
        return int(self._sqs.ledger(name)["deleted"])


@pytest.fixture(scope="module")
def stage(
    emulator: EmulatedSqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    services = [new_service(name) for name in ("stable", "canary", "third")]
    versions = {
        each.name: {"url": each.url, "tag": f"v{at}"} for at, each in enumerate(services, 1)
    }

    def route(queue: str, **more: Any) -> dict[str, Any]:
        emulator.create(queue)
        name = queue.removesuffix(".fifo")
        return {"name": name, "queue": queue, "wait": "1s", "versions": versions, **more}

    routing = {
        "routes": [
            route("many", split={"stable": 80, "canary": 15, "third": 5}),
            route("random", **ROUTE),
            route("random-groups.fifo", **ROUTE),
        ]
    }
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, routing, emulator.endpoint) as gateway:
        yield Stage(gateway, emulator, services)


def test_four_thousand_messages_arrive_once_each_where_they_belong(stage: Stage) -> None:
    """One in twenty is pinned; the others follow the buckets of their message ids."""
    drafts = [Draft(json.dumps({"n": n}), {} if n % 20 else {"version": "v3"}) for n in range(MANY)]
    sent, requests = stage.bring("many", drafts)
    came = Counter(each.message_id for each in requests)
    lost = {each.message_id for each in sent} - set(came)
    doubled = {message_id for message_id, times in came.items() if times > 1}
    assert (len(lost), len(doubled), len(came)) == (0, 0, MANY)
    assert len({(each.service, each.connection) for each in requests}) < MANY / 10  # kept alive
    service_of = {each.message_id: each.service for each in requests}
    assert service_of == {each.message_id: _expected(each) for each in sent}


def _expected(sent: Sent) -> str:
    """Contract section 3: canary has the buckets below 1,500, third those below 2,000."""
    if sent.draft.attributes:
        return "third"
    mine = bucket("many", sent.message_id)
    return "canary" if mine < 1_500 else "third" if mine < 2_000 else "stable"


def test_explain_agrees_on_a_thousand_random_messages(stage: Stage) -> None:
    """Whatever attributes, baggage and bodies they have."""
    random = Random(20_260_730)
    sent, requests = stage.bring("random", [random_draft(random) for _ in range(RANDOM)])
    assert_as_computed(stage.gateway.file, "random", sent, requests)
    assert {each["x-gateway-reason"] for each in requests} == {"pinned", "rule", "split"}


def test_explain_agrees_on_random_messages_of_a_fifo_queue(stage: Stage) -> None:
    """The group decides where no sticky value does, and rules may ask for it."""
    random = Random(7)
    drafts = [random_draft(random, group=f"g-{random.randrange(40)}") for _ in range(RANDOM // 4)]
    sent, requests = stage.bring("random-groups.fifo", drafts)
    assert_as_computed(stage.gateway.file, "random-groups", sent, requests)
