"""Permissions taken away and given back, a queue made anew: it recovers, and says so once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.queues import Draft
from tests.integration.sqs_front import SqsFront
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service

RECEIVE, DELETE, EXTEND = "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"
NAMES = ("received", "deleted", "extended", "remade")


class Stage:
    """A gateway of one route for each kind of trouble, all behind the front."""

    def __init__(
        self, gateway: GatewayProcess, sqs: EmulatedSqs, front: SqsFront, service: Service
    ) -> None:
        self.gateway, self.sqs, self.front, self.service = gateway, sqs, front, service

    def send(self, name: str, what: str, count: int = 5, reply: Answer | None = None) -> list[str]:
        """Send messages; `reply` is the service's to each, which it has before they are sent."""
        bodies = [f"{name} {what} {n}" for n in range(count)]
        if reply is not None:
            for body in bodies:
                self.service.on(body, reply)
        self.sqs.create(f"may-be-{name}").send_all([Draft(body) for body in bodies])
        return bodies

    def came(self, name: str) -> list[str]:
        return sorted(each.text for each in self.service.seen() if each.text.startswith(name))

    def refused(self, name: str, operation: str, count: int) -> None:
        """Wait for so many refusals from now on."""
        self.front.wait_for(count, f"may-be-{name}", operation=operation, refusal="AccessDenied")

    def deny(self, name: str, *operations: str) -> None:
        self.front.deny(f"may-be-{name}", *operations)

    def wait_until_deleted(self, name: str, count: int) -> None:
        until(lambda: self.sqs.ledger(f"may-be-{name}")["deleted"] == count, f"{name} to be done")

    def lines(self, event: str, name: str) -> list[dict[str, Any]]:
        lines = map(json.loads, self.gateway.logged().splitlines())
        return [line for line in lines if (line["event"], line.get("route")) == (event, name)]

    def assert_said_once(self, name: str, fails: str, works: str, **about: str) -> None:
        """One line when the trouble began and one when it was over."""
        until(lambda: self.lines(works, name), f"{works!r} of {name}")
        for event in (fails, works):
            (line,) = self.lines(event, name)
            assert about.items() <= line.items()
            assert line["queue"] == f"may-be-{name}"


@pytest.fixture(scope="module")
def stage(
    emulator: EmulatedSqs,
    new_service: NewService,
    thread: LoopThread,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    front, service = SqsFront(emulator.endpoint, thread), new_service("service")
    for name in NAMES:
        emulator.create(f"may-be-{name}")
    about: dict[str, Any] = {"wait": "1s", "visibility": "4s", "versions": {"a": service.url}}
    routes = [{"name": name, "queue": f"may-be-{name}", **about} for name in NAMES]
    routes[NAMES.index("extended")]["visibility"] = "12s"  # room for a busy machine to get it back
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, {"routes": routes}, front.url) as gateway:
        yield Stage(gateway, emulator, front, service)
    front.close()


def test_receives_that_are_forbidden_for_a_while_go_on_when_they_are_allowed(stage: Stage) -> None:
    stage.deny("received", RECEIVE)
    stage.refused("received", RECEIVE, 3)
    assert "route received: " in stage.gateway.wait_until_unready("AccessDenied")
    bodies = stage.send("received", "after")
    stage.deny("received")
    stage.wait_until_deleted("received", len(bodies))
    assert stage.came("received") == bodies
    stage.assert_said_once("received", "receives fail", "receives work again")


def test_what_is_delivered_but_may_not_be_deleted_is_kept_until_it_may(stage: Stage) -> None:
    """Its lease is extended for as long as it takes, so it is not delivered a second time."""
    stage.deny("deleted", DELETE)
    bodies = stage.send("deleted", "held")
    stage.refused("deleted", DELETE, 3)
    stage.front.wait_for(2, "may-be-deleted", operation=EXTEND, refusal="")
    bodies += stage.send("deleted", "meanwhile")
    until(lambda: stage.came("deleted") == sorted(bodies), "more deliveries meanwhile")
    stage.deny("deleted")
    stage.wait_until_deleted("deleted", len(bodies))
    assert stage.came("deleted") == sorted(bodies)
    counts = [receives for _, receives in _receives(stage, "deleted")]
    assert counts == [1] * len(bodies)
    stage.assert_said_once(
        "deleted", "settlement failed", "settlements work again", action="delete"
    )


def test_leases_that_may_not_be_extended_for_a_while_are_kept(
    stage: Stage, thread: LoopThread
) -> None:
    """It is tried again before the lease has run out."""
    gate = Gate(thread)
    stage.deny("extended", EXTEND)
    (body,) = stage.send("extended", "long", 1, Answer(gate=gate))
    stage.refused("extended", EXTEND, 2)
    stage.deny("extended")
    stage.front.wait_for(1, "may-be-extended", operation=EXTEND, refusal="")
    gate.open()
    stage.wait_until_deleted("extended", 1)
    assert stage.came("extended") == [body]
    assert _receives(stage, "extended") == [(body, 1)]
    stage.assert_said_once(
        "extended", "settlement failed", "settlements work again", action="extend"
    )


def test_a_queue_that_is_made_anew_under_a_delivery_goes_on_with_what_it_has(
    stage: Stage, thread: LoopThread
) -> None:
    """What was in it is gone with it; its delete is refused once the receipt means nothing."""
    gate = Gate(thread)
    (body,) = stage.send("remade", "gone", 1, Answer(gate=gate))
    stage.service.wait_for(1, body)
    queue = stage.sqs.create("may-be-remade")
    queue.client.delete_queue(QueueUrl=queue.url)
    stage.gateway.wait_until_unready("route remade: ", "does not exist")
    gate.open()
    new = stage.send("remade", "new")
    stage.wait_until_deleted("remade", len(new))
    assert stage.came("remade") == [body, *new]
    in_flight = {"route": "remade"}
    until(
        lambda: stage.gateway.metric("gateway_messages_in_flight", **in_flight) == 0,
        "the permit of what was deleted with its queue to be given back",
    )
    stage.assert_said_once("remade", "receives fail", "receives work again")


def test_nothing_of_all_that_was_a_crash(stage: Stage) -> None:
    assert stage.gateway.client.get("/healthz").status_code == 200
    assert stage.gateway.readyz().text == "ready"
    assert "Traceback" not in stage.gateway.logged()


def _receives(stage: Stage, name: str) -> list[tuple[str, int]]:
    """Return how often each message was received."""
    history = stage.sqs.history(f"may-be-{name}")
    return [
        (body, sum(what == "received" for what, _ in events)) for body, events in history.items()
    ]
