"""A canary that hangs costs nobody else a thing: all the others are done before it has ended one.

By the ledger, and without a clock: not one delivery to the canary ends until the test says so.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.decisions import bucket
from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.loop_thread import Gate
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.loop_thread import LoopThread
    from tests.integration.queues import Sent
    from tests.integration.services import Service

MANY = 500
CANARY_BUCKETS = 1_000  # 10 %
CANARY_LIMIT = 20


class Stage:
    """Three routes of one process; `canary` hangs until its gate is open."""

    def __init__(self, sqs: EmulatedSqs, stable: Service, canary: Service) -> None:
        self.sqs, self.stable, self.canary = sqs, stable, canary

    def hang(self, gate: Gate) -> None:
        """Have the canary answer nothing before the gate is open."""
        self.gate = gate
        self.canary.otherwise = Answer(gate=gate)

    def send(self, queue: str, drafts: list[Draft]) -> list[Sent]:
        return self.sqs.create(queue).send_all(drafts)

    def deleted(self, queue: str) -> set[str]:
        """Return the bodies of the messages that the ledger has deleted."""
        history = self.sqs.history(queue)
        return {body for body, events in history.items() if "deleted" in dict(events)}

    def wait_until_deleted(self, queue: str, bodies: Iterable[str]) -> None:
        """Wait until so many are deleted, and make sure that they are these."""
        wanted = set(bodies)
        until(lambda: self._count(queue) >= len(wanted), f"{len(wanted)} deleted in {queue}")
        assert self.deleted(queue) == wanted

    def end(self, sent: Sequence[Sent], *queues: str) -> None:
        """Let the canary answer; every message is delivered once and no more."""
        self.gate.open()
        until(lambda: sum(map(self._count, queues)) == len(sent), f"all of {queues}")
        ids = {each.message_id for each in sent}
        seen = self.stable.seen() + self.canary.seen()
        came = [each.message_id for each in seen if each.message_id in ids]
        assert sorted(came) == sorted(ids)

    def bodies_at_canary(self, prefix: str) -> list[str]:
        return [each.text for each in self.canary.seen() if each.text.startswith(prefix)]

    def _count(self, queue: str) -> int:
        return int(self.sqs.ledger(queue)["deleted"])


@pytest.fixture
def stage(module_stage: Stage, thread: LoopThread) -> Iterator[Stage]:
    """The canary hangs anew for each test, and answers at its end."""
    module_stage.hang(Gate(thread))
    yield module_stage
    module_stage.gate.open()


@pytest.fixture(scope="module")
def module_stage(
    emulator: EmulatedSqs,
    new_service: NewService,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    stage = Stage(emulator, new_service("stable"), new_service("canary"))

    def route(queue: str) -> dict[str, Any]:
        emulator.create(queue)
        return {
            "name": queue.removesuffix(".fifo"),
            "queue": queue,
            "wait": "1s",
            "max_in_flight": 2 * CANARY_LIMIT,
            **two_versions(stage.stable.url, stage.canary.url, timeout="10m"),
            "split": {"stable": 90, "canary": 10},
            "fallback": "off",
            "retry": {"min": "1s", "max": "1s"},
        }

    other = {**route("alone-other"), "split": {"stable": 100, "canary": 0}}
    routing = {"routes": [route("alone"), other, route("alone-groups.fifo")]}
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), routing, emulator.endpoint):
        yield stage


def test_all_others_are_done_before_a_hanging_canary_has_ended_one_delivery(stage: Stage) -> None:
    """500 messages, a tenth of them the canary's, and as many on another route."""
    sent = stage.send("alone", [Draft(f"alone {n}") for n in range(MANY)])
    mine = {each.draft.body for each in sent if bucket("alone", each.message_id) < CANARY_BUCKETS}
    assert len(mine) > CANARY_LIMIT + CANARY_LIMIT // 5, "more than it may hold, seats included"
    others = stage.send("alone-other", [Draft(f"other {n}") for n in range(MANY)])

    stage.wait_until_deleted("alone", {each.draft.body for each in sent} - mine)
    stage.wait_until_deleted("alone-other", {each.draft.body for each in others})

    held = stage.bodies_at_canary("alone")
    assert set(held) <= mine
    assert len(held) == len(set(held)) <= CANARY_LIMIT, "none has ended, so none was repeated"
    stage.end([*sent, *others], "alone", "alone-other")


def test_groups_of_a_hanging_canary_do_not_stop_the_groups_of_stable(stage: Stage) -> None:
    """FIFO: its groups bring more messages than there are permits, and they come first."""
    names = (f"g{n}" for n in itertools.count())
    hanging = list(itertools.islice(filter(_is_canarys, names), 6))
    well = list(itertools.islice(itertools.filterfalse(_is_canarys, names), 10))
    first = [Draft(f"groups {g} {n}", group=g) for g in hanging for n in range(10)]
    sent = stage.send("alone-groups.fifo", first)
    stage.canary.wait_until(
        lambda seen: sum(each.text.startswith("groups") for each in seen) >= 4,
        "deliveries to hang, with the rest of their groups behind them",
    )
    then = [Draft(f"groups {g} {n}", group=g) for n in range(10) for g in well]
    sent += stage.send("alone-groups.fifo", then)

    stage.wait_until_deleted("alone-groups.fifo", [each.body for each in then])

    held = stage.bodies_at_canary("groups")
    assert set(held) <= {f"groups {group} 0" for group in hanging}, "heads only: none has ended"
    assert len(held) == len(set(held)) <= CANARY_LIMIT
    stage.end(sent, "alone-groups.fifo")


def _is_canarys(group: str) -> bool:
    return bucket("alone-groups", group) < CANARY_BUCKETS
