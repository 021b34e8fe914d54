"""FIFO: one delivery at a time per group, in order (docs/reference/leases-order-stopping.md).

Against the emulator: moto hands out a group's later messages before a head that came back.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.queues import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.exchanges import Request
    from tests.integration.services import Service


class Stage:
    """A FIFO route; `tag` keeps the bodies and groups of a test its own."""

    def __init__(self, service: Service, sqs: EmulatedSqs, thread: LoopThread) -> None:
        self.service, self._thread = service, thread
        self.queue = sqs.create("groups.fifo")
        self.rejects = sqs.create("groups-rejects.fifo")
        self.tag = ""

    def gate(self) -> Gate:
        return Gate(self._thread)

    def send(self, *names: str) -> None:
        """Send messages named GROUP-NUMBER, in this order."""
        self.queue.send_all([Draft(self.body(name), group=self.group(name)) for name in names])

    def body(self, name: str) -> str:
        return f"{self.tag} {name}"

    def group(self, name: str) -> str:
        return f"{self.tag}-{name.partition('-')[0]}"

    def seen(self) -> list[Request]:
        return [each for each in self.service.seen() if each.text.startswith(self.tag)]

    def names(self) -> list[str]:
        """Return what came, in the order of arrival."""
        return [each.text.removeprefix(f"{self.tag} ") for each in self.seen()]

    def wait_for(self, *names: str) -> None:
        for name in names:
            self.service.wait_for(1, self.body(name))


@pytest.fixture(scope="module")
def module_stage(
    emulator: EmulatedSqs,
    new_service: NewService,
    thread: LoopThread,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    service = new_service("service")
    stage = Stage(service, emulator, thread)
    route: dict[str, Any] = {
        "name": "groups",
        "queue": stage.queue.name,
        "wait": "1s",
        "visibility": "20s",
        **two_versions(service.url, service.url),
        "split": {"stable": 50, "canary": 50},
        "retry": {"min": "1s", "max": "1s"},
        "reject": stage.rejects.name,
    }
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, {"routes": [route]}, emulator.endpoint):
        yield stage


@pytest.fixture
def stage(module_stage: Stage) -> Stage:
    module_stage.tag = uuid.uuid4().hex[:8]
    return module_stage


def test_each_group_is_delivered_in_order_and_one_at_a_time(stage: Stage) -> None:
    """Eight groups by turns, six messages each; while one is answered its group has no other."""
    names = [f"g{group}-{number}" for number in range(6) for group in range(8)]
    stage.send(*names)
    stage.queue.wait_until_empty()
    by_group = defaultdict(list)
    for name in stage.names():
        by_group[name.partition("-")[0]].append(name)
    assert by_group == {f"g{g}": [f"g{g}-{n}" for n in range(6)] for g in range(8)}
    group_of = {each.message_id: each["message-group-id"] for each in stage.seen()}
    for each in stage.seen():
        assert each["message-group-id"] not in {group_of.get(other) for other in each.alongside}


def test_groups_do_not_wait_for_each_other(stage: Stage) -> None:
    """The head of `slow` is held; all of `quick` and `other` passes meanwhile."""
    gate = stage.gate()
    stage.service.on(stage.body("slow-1"), Answer(gate=gate))
    stage.send("slow-1", "slow-2", "quick-1", "quick-2", "other-1", "quick-3")
    stage.wait_for("quick-3", "other-1", "slow-1")
    assert "slow-2" not in stage.names()
    gate.open()
    stage.queue.wait_until_empty()
    assert stage.names().index("slow-1") < stage.names().index("slow-2")


def test_a_failing_head_holds_its_group_and_nobody_else(stage: Stage) -> None:
    """The head fails twice; its successors come only after it, the other group does not wait."""
    stage.service.on(stage.body("ill-1"), Answer(500), Answer(500), Answer())
    stage.send("ill-1", "ill-2", "ill-3", "well-1", "well-2")
    stage.queue.wait_until_empty()
    ill = [name for name in stage.names() if name.startswith("ill")]
    assert ill == ["ill-1", "ill-1", "ill-1", "ill-2", "ill-3"]
    well = [name for name in stage.names() if name.startswith("well")]
    assert well == ["well-1", "well-2"]
    assert stage.names().index("well-2") < stage.names().index("ill-2")


def test_after_a_confirmed_dead_letter_send_the_group_goes_on(stage: Stage) -> None:
    """The copy keeps the group; the successors are delivered, in order."""
    stage.service.on(stage.body("bad-2"), Answer(422))
    stage.send("bad-1", "bad-2", "bad-3")
    stage.queue.wait_until_empty()
    assert stage.names() == ["bad-1", "bad-2", "bad-3"]
    (copy,) = stage.rejects.take(1)
    assert copy["Body"] == stage.body("bad-2")
    assert copy["Attributes"]["MessageGroupId"] == stage.group("bad-2")


def test_a_delivery_names_its_group_and_deduplication_id(stage: Stage) -> None:
    stage.send("named-1")
    (request,) = stage.service.wait_for(1, stage.body("named-1"))
    assert request["message-group-id"] == stage.group("named-1")
    assert request["message-deduplication-id"]


def test_a_group_is_never_split_across_versions(stage: Stage) -> None:
    """On a FIFO queue a split sticks to the group, though nobody said so."""
    stage.send(*[f"g{group}-{number}" for group in range(12) for number in range(3)])
    stage.queue.wait_until_empty()
    versions = defaultdict(set)
    for each in stage.seen():
        versions[each["message-group-id"]].add(each["x-gateway-version"])
    assert all(len(found) == 1 for found in versions.values()), versions
    assert {version for found in versions.values() for version in found} == {"stable", "canary"}
