"""200 reloads while messages move: nothing is lost, nothing is doubled, order holds."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, Self

import pytest

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.exchanges import Request
    from tests.integration.queues import Queue
    from tests.integration.services import Service

RELOADS: Final = 200
GROUPS: Final = 4
QUEUES: Final = ("steady", "comes-and-goes", "moves-here", "moves-there", "ordered.fifo")


class Load:
    """Sends to every queue beside a block, one turn for each `go_on()`; remembers what."""

    def __init__(self, queues: list[Queue]) -> None:
        self.sent: dict[str, list[str]] = defaultdict(list)
        self._queues, self._turns, self._over = queues, threading.Semaphore(0), False
        self._thread = threading.Thread(target=self._run, name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self.go_on()
        self._thread.join()

    def go_on(self) -> None:
        """Allow one more turn, so that there is no more load on a slow machine."""
        self._turns.release()

    def _run(self) -> None:
        for turn in itertools.count():
            self._turns.acquire()
            if self._over:
                return
            for queue in self._queues:
                self._send(queue, turn)

    def _send(self, queue: Queue, turn: int) -> None:
        fifo = queue.name.endswith(".fifo")
        drafts = [
            Draft(f"{queue.name} {group} {turn:06}", group=f"g-{group}" if fifo else None)
            for group in range(GROUPS)
        ]
        queue.send_all(drafts)
        self.sent[queue.name] += [draft.body for draft in drafts]


class Stage:
    """A gateway whose routes are changed in every way that there is."""

    def __init__(self, prefix: str, sqs: EmulatedSqs, services: tuple[Service, Service]) -> None:
        self.prefix, self.sqs, (self.stable, self.canary) = prefix, sqs, services
        self.queues = [sqs.create(f"{prefix}-{name}") for name in QUEUES]

    def routing(self, turn: int = 0) -> dict[str, Any]:
        """Return the routing file of a turn: each differs from the one before."""
        weights = {"stable": turn % 7, "canary": 1 + turn % 5}
        moved = "moves-there" if turn // 3 % 2 else "moves-here"
        routes = [
            self._route("steady", "steady", split=weights),
            self._route("moves", moved, split=weights),
            self._route("ordered", "ordered.fifo", max_in_flight=20 + turn % 3, wait=turn // 4 % 2),
        ]
        if turn // 2 % 3:
            routes.append(self._route("comes-and-goes", "comes-and-goes"))
        return {"routes": routes}

    def _route(self, name: str, queue: str, **more: Any) -> dict[str, Any]:
        urls = two_versions(self.stable.url, self.canary.url)
        return {"name": name, "queue": f"{self.prefix}-{queue}", "wait": 1, **urls, **more}

    def came(self, queue: str) -> list[Request]:
        """Return the deliveries of a queue's messages in the order of arrival."""
        requests = [*self.stable.seen(), *self.canary.seen()]
        ours = [each for each in requests if each.text.startswith(f"{queue} ")]
        return sorted(ours, key=lambda each: each.arrived_at)

    def wait_until_done(self, sent: dict[str, list[str]]) -> None:
        for queue, bodies in sent.items():
            self._wait_until_deleted(queue, len(bodies))

    def _wait_until_deleted(self, queue: str, count: int) -> None:
        until(lambda: self.sqs.ledger(queue)["deleted"] == count, f"{count} of {queue} to be done")

    def receives(self, queue: str) -> set[int]:
        """Return how often messages were received: 1 alone is what should be."""
        pages = self.sqs.history(queue).values()
        return {sum(what == "received" for what, _ in events) for events in pages}


@pytest.fixture
def new_stage(emulator: EmulatedSqs, new_service: NewService) -> Callable[[str], Stage]:
    """Make a stage with queues of its own."""
    return lambda prefix: Stage(prefix, emulator, (new_service("stable"), new_service("canary")))


def test_200_reloads_under_load_lose_nothing_double_nothing_and_keep_order(
    new_stage: Callable[[str], Stage], tmp_path: Path
) -> None:
    """Every fifth file is broken; routes are removed, added again, and get another queue."""
    stage = new_stage("many")
    with GatewayProcess(tmp_path, stage.routing(), stage.sqs.endpoint) as gateway:
        with Load(stage.queues) as load:
            for turn in range(1, RELOADS + 1):
                if turn % 2:
                    load.go_on()
                broken = turn % 5 == 0
                gateway.write({"routes": turn} if broken else stage.routing(turn))
                assert gateway.reload().status_code == (422 if broken else 200), turn
        last = stage.routing(2)  # every route but the one that has moved away
        gateway.write(last)
        assert gateway.reload().status_code == 200
        stage.wait_until_done({q: s for q, s in load.sent.items() if "moves-there" not in q})
        gateway.write(stage.routing(3 + 2))
        assert gateway.reload().status_code == 200
        stage.wait_until_done(load.sent)
        assert gateway.metric("gateway_config_generation") == 1 + RELOADS * 4 / 5 + 2
        for queue, bodies in load.sent.items():
            assert sorted(each.text for each in stage.came(queue)) == sorted(bodies), queue
        assert stage.receives("many-steady") == {1}, "others do not feel it"
        _assert_in_order(stage, "many-ordered.fifo")
        assert gateway.stop() == 0
        assert "Traceback" not in gateway.logged()


def _assert_in_order(stage: Stage, queue: str) -> None:
    """Each group's messages came one after the other, in the order of sending."""
    by_group = defaultdict(list)
    group_of = {}
    for each in stage.came(queue):
        by_group[each["message-group-id"]].append(each.text)
        group_of[each.message_id] = each["message-group-id"]
    assert len(by_group) == GROUPS
    for bodies in by_group.values():
        assert bodies == sorted(bodies)
    for each in stage.came(queue):
        beside = {group_of.get(other) for other in each.alongside}
        assert each["message-group-id"] not in beside, f"{each.text} came beside one of its group"


def test_a_route_that_is_removed_and_added_again_keeps_order_while_the_old_one_drains(
    new_stage: Callable[[str], Stage], thread: LoopThread, tmp_path: Path
) -> None:
    """What it has in delivery is not cut off, and the group waits for it whoever polls."""
    stage = new_stage("again")
    gate = Gate(thread)
    ordered = stage.routing(2)["routes"][2]
    steady = stage.routing(2)["routes"][0]
    queue = stage.queues[-1]
    first, *rest = (Draft(f"{queue.name} 0 {n}", group="g-0") for n in range(4))
    for service in (stage.stable, stage.canary):
        service.on(first.body, Answer(gate=gate))
    environment = {"GATEWAY_DRAIN_SECONDS": "0"}
    with GatewayProcess(
        tmp_path, {"routes": [steady, ordered]}, stage.sqs.endpoint, environment=environment
    ) as gateway:
        queue.send_all([first, *rest])
        stage.stable.wait_for(1, first.body)
        for routes in ([steady], [steady, ordered]):
            gateway.write({"routes": routes})
            assert gateway.reload().status_code == 200
        gateway.wait_until_ready()
        other = Draft(f"{queue.name} 1 0", group="g-1")
        queue.send_all([other])
        stage.stable.wait_for(1, other.body)
        assert [each.text for each in stage.came(queue.name)] == [first.body, other.body]
        gate.open()
        bodies = [draft.body for draft in (first, *rest, other)]
        stage.wait_until_done({queue.name: bodies})
        came = [each.text for each in stage.came(queue.name) if each.text != other.body]
        assert came == [draft.body for draft in (first, *rest)]
        until(lambda: '"route is stopped"' in gateway.logged(), "the old route to end")
