"""What is slow holds up nobody else: not another route, not another version (section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.decisions import bucket
from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service

RATE = 40


class Stage:
    """Routes of one process; `slow` answers only once its gate is open."""

    def __init__(self, sqs: EmulatedSqs, quick: Service, slow: Service, thread: LoopThread) -> None:
        self.sqs, self.quick, self.slow = sqs, quick, slow
        self.gate = Gate(thread)
        slow.otherwise = Answer(gate=self.gate)

    def deleted(self, queue: str) -> int:
        return int(self.sqs.ledger(queue)["deleted"])


@pytest.fixture
def stage(module_stage: Stage, thread: LoopThread) -> Iterator[Stage]:
    """Close the gate before each test and open it after."""
    module_stage.gate = Gate(thread)
    module_stage.slow.otherwise = Answer(gate=module_stage.gate)
    yield module_stage
    module_stage.gate.open()


@pytest.fixture(scope="module")
def module_stage(
    emulator: EmulatedSqs,
    new_service: NewService,
    thread: LoopThread,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    quick, slow = new_service("quick"), new_service("slow")

    def route(name: str, versions: dict[str, Any], **more: Any) -> dict[str, Any]:
        emulator.create(f"apart-{name}")
        return {"name": name, "queue": f"apart-{name}", "wait": "1s", "versions": versions, **more}

    mixed = {"stable": quick.url, "canary": {"url": slow.url, "max_in_flight": 2}}
    routing = {
        "routes": [
            route("slow", {"stable": slow.url}, max_in_flight=4),
            route("quick", {"stable": quick.url}),
            route(
                "mixed", mixed,
                split={"stable": 50, "canary": 50}, max_in_flight=20, fallback="off",
                retry={"min": "1s", "max": "1s"},
            ),
            route("paced", {"stable": {"url": quick.url, "max_rate": RATE}}),
        ]
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, routing, emulator.endpoint):
        yield Stage(emulator, quick, slow, thread)


def test_a_slow_service_of_one_route_does_not_hold_up_another_route(stage: Stage) -> None:
    """The slow route takes what it has permits for, and leaves the rest in the queue."""
    stage.sqs.create("apart-slow").send_all([Draft(f"slow {n}") for n in range(12)])
    stage.slow.wait_for(4)
    stage.sqs.create("apart-quick").send_all([Draft(f"quick {n}") for n in range(50)])
    until(lambda: stage.deleted("apart-quick") == 50, "the quick route to be done")
    ledger = stage.sqs.ledger("apart-slow")
    assert (ledger["in_flight"], ledger["visible"], ledger["deleted"]) == (4, 8, 0)
    stage.gate.open()
    until(lambda: stage.deleted("apart-slow") == 12, "the slow route to be done")
    assert len({each.message_id for each in stage.slow.seen()}) == len(stage.slow.seen()) == 12


def test_a_hanging_canary_never_stops_stable(stage: Stage) -> None:
    """Far more of the canary's messages than the route has permits; all of stable's get through."""
    sent = stage.sqs.create("apart-mixed").send_all([Draft(f"mixed {n}") for n in range(120)])
    canary = {each.draft.body for each in sent if bucket("mixed", each.message_id) < 5_000}
    stable = {each.draft.body for each in sent} - canary
    assert len(canary) > 20
    stage.quick.wait_until(
        lambda seen: stable <= {each.text for each in seen}, "all of stable's messages"
    )
    assert len([each for each in stage.slow.seen() if each.text in canary]) == 2
    stage.gate.open()
    until(lambda: stage.deleted("apart-mixed") == 120, "the canary's messages to be done")
    delivered = [each.text for each in stage.slow.seen() if each.text.startswith("mixed")]
    assert sorted(delivered) == sorted(canary)


def test_a_version_gets_no_more_than_its_rate(stage: Stage) -> None:
    """40 a second: 60 messages take at least the second that the burst does not cover."""
    stage.sqs.create("apart-paced").send_all([Draft(f"paced {n}") for n in range(60)])
    until(lambda: stage.deleted("apart-paced") == 60, "the paced route to be done")
    arrivals = [each.arrived_at for each in stage.quick.seen() if each.text.startswith("paced")]
    assert len(arrivals) == 60
    assert arrivals[-1] - arrivals[0] >= 1.0
