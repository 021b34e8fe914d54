"""When stable takes over from the canary, and when it does not (contract, sections 2 and 4)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.children import LOOPBACK
from tests.integration.exchanges import Answer, Raw, Silence
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.exchanges import Reply, Request
    from tests.integration.queues import Queue, Sqs
    from tests.integration.services import Service


class Stage:
    """The gateway, its services, and a port of the canary's that nobody listens on."""

    def __init__(self, gateway: GatewayProcess, sqs: Sqs, stable: Service, canary: Service) -> None:
        self.gateway, self._sqs = gateway, sqs
        self.stable, self.canary = stable, canary

    def queue(self, route: str) -> Queue:
        return self._sqs.create(f"fallback-{route}")

    def came(self, body: str) -> list[Request]:
        """Return the deliveries of a body in the order of arrival, whoever got them."""
        return sorted(self.canary.seen(body) + self.stable.seen(body), key=lambda r: r.arrived_at)

    def bring(self, route: str, body: str, *replies: Reply) -> list[Request]:
        """Have the canary answer so and return the deliveries once the message is deleted."""
        self.canary.on(body, *replies or [Answer()])
        queue = self.queue(route)
        queue.send(body)
        queue.wait_until_empty()
        return self.came(body)


@pytest.fixture(scope="module")
def stage(
    moto: Sqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    stable, canary = new_service("stable"), new_service("canary")
    with socket.socket() as deaf:
        deaf.bind((LOOPBACK, 0))  # bound and not listening: connections are refused
        nowhere = f"http://{LOOPBACK}:{deaf.getsockname()[1]}/events"
        moto.create("fallback-dead")
        routing = {
            "routes": [
                _route(moto, "default", stable.url, canary.url),
                _route(moto, "gone", stable.url, nowhere),
                _route(moto, "gone-and-off", stable.url, nowhere, fallback="off"),
                _route(moto, "twice", stable.url, canary.url, fallback={"after_receives": 2}),
                _route(
                    moto, "eager", stable.url, canary.url,
                    fallback={"on": ["unavailable", "error"], "after_receives": 1},
                    reject="fallback-dead",
                ),
                _route(moto, "impatient", stable.url, canary.url, timeout="700ms"),
                _route(
                    moto, "impatient-too", stable.url, canary.url, timeout="700ms",
                    fallback={"on": ["timeout"]},
                ),
            ]
        }  # fmt: skip
        folder = tmp_path_factory.mktemp("gateway")
        with GatewayProcess(folder, routing, moto.endpoint) as gateway:
            yield Stage(gateway, moto, stable, canary)


def _route(
    moto: Sqs, name: str, stable: str, canary: str, *, timeout: str = "30s", **more: Any
) -> dict[str, Any]:
    queue = moto.create(f"fallback-{name}")
    return {
        "name": name,
        "queue": queue.name,
        "wait": "1s",
        "versions": {
            "stable": {"url": stable, "tag": "v1"},
            "canary": {"url": canary, "tag": "v2", "timeout": timeout},
        },
        "split": {"stable": 0, "canary": 100},
        "retry": {"min": "1s", "max": "1s"},
        **more,
    }


def _told(request: Request) -> tuple[str, str, str, int]:
    return (
        request.service,
        request["x-gateway-version"],
        request["x-gateway-reason"],
        request.receive_count,
    )


def test_an_unreachable_canary_s_message_goes_to_stable_in_the_same_receive(stage: Stage) -> None:
    """It still belongs to the canary: `version` and baggage say so to the next hop."""
    (request,) = stage.bring("gone", "unreachable")
    assert _told(request) == ("stable", "stable", "fallback", 1)
    assert (request["version"], request["baggage"]) == ("v2", "version=v2")


def test_a_canary_that_does_not_know_the_path_hands_over_in_the_same_receive(stage: Stage) -> None:
    first, second = stage.bring("default", "not found", Answer(404))
    assert _told(first) == ("canary", "canary", "split", 1)
    assert _told(second) == ("stable", "stable", "fallback", 1)
    assert (first["version"], second["version"]) == ("v2", "v2")


@pytest.mark.parametrize(
    ("route", "body", "reply"),
    [
        ("default", "unavailable", Answer(503)),
        ("default", "error", Answer(500)),
        ("default", "conflict", Answer(409)),
        ("default", "a break after sending", Raw(b"HTTP/1.1 2")),
        ("impatient", "timeout", Silence()),
    ],
)
def test_other_failures_are_retried_on_the_canary_by_default(
    stage: Stage, route: str, body: str, reply: Reply
) -> None:
    """A break or a timeout may mean that the work is done: only the asker can allow a repeat."""
    first, second = stage.bring(route, body, reply, Answer())
    assert _told(first) == ("canary", "canary", "split", 1)
    assert _told(second) == ("canary", "canary", "split", 2)


@pytest.mark.parametrize(
    ("route", "body", "reply"),
    [
        ("eager", "listed unavailable", Answer(503)),
        ("eager", "listed error", Answer(502)),
        ("impatient-too", "listed timeout", Silence()),
    ],
)
def test_further_failures_fall_back_where_the_route_lists_them(
    stage: Stage, route: str, body: str, reply: Reply
) -> None:
    first, second = stage.bring(route, body, reply)
    assert _told(first) == ("canary", "canary", "split", 1)
    assert _told(second) == ("stable", "stable", "fallback", 1)


def test_a_failure_that_the_route_does_not_list_is_retried(stage: Stage) -> None:
    """404 is left out of this route's list. From the second receive on it is stable's."""
    first, second = stage.bring("eager", "unlisted", Answer(404))
    assert _told(first) == ("canary", "canary", "split", 1)
    assert _told(second) == ("stable", "stable", "fallback", 2)


def test_a_503_with_retry_after_waits_instead_of_falling_back(stage: Stage) -> None:
    answer = Answer(503, {"retry-after": "1"})
    first, second = stage.bring("eager", "come back later", answer, Answer())
    assert (first.service, first.receive_count) == ("canary", 1)
    assert second.receive_count == 2


def test_a_message_goes_to_stable_after_so_many_receives(stage: Stage) -> None:
    requests = stage.bring("twice", "never well", Answer(500))
    assert [_told(request) for request in requests] == [
        ("canary", "canary", "split", 1),
        ("canary", "canary", "split", 2),
        ("stable", "stable", "fallback", 3),
    ]


def test_what_stable_answers_to_a_fallback_counts(stage: Stage) -> None:
    """Stable refuses it: the dead-letter copy names stable and the fallback."""
    stage.stable.on("refused", Answer(422))
    assert [each.service for each in stage.bring("eager", "refused", Answer(500))] == [
        "canary",
        "stable",
    ]
    (copy,) = stage.queue("dead").take(1)
    marks = {name: value["StringValue"] for name, value in copy["MessageAttributes"].items()}
    assert marks == {
        "gateway-route": "eager",
        "gateway-version": "stable",
        "gateway-status": "422",
        "gateway-reason": "fallback",
    }


def test_stable_itself_never_falls_back(stage: Stage) -> None:
    stage.stable.on("stable knows it not", Answer(404), Answer())
    queue = stage.queue("default")
    queue.send_all([Draft("stable knows it not", {"version": "v1"})])
    queue.wait_until_empty()
    told = [_told(request) for request in stage.came("stable knows it not")]
    assert told == [("stable", "stable", "pinned", 1), ("stable", "stable", "pinned", 2)]


def test_without_fallback_the_message_stays_the_canary_s(stage: Stage) -> None:
    """Three tries at a port that nobody listens on, and stable never sees the message."""
    retries = {"route": "gone-and-off", "version": "canary", "outcome": "retry"}
    stage.queue("gone-and-off").send("only the canary's")
    until(lambda: stage.gateway.metric("gateway_deliveries_total", **retries) >= 3, "three retries")
    assert stage.came("only the canary's") == []
