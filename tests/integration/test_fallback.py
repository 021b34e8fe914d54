"""When stable takes over from the canary, and when it does not (docs/reference/delivery.md).

All messages travel at once; each test then looks at its own.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.integration.children import LOOPBACK
from tests.integration.exchanges import Answer, Raw, Silence
from tests.integration.gateway_process import GatewayProcess
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.exchanges import Reply, Request
    from tests.integration.queues import Sqs
    from tests.integration.services import Service


class Trip(NamedTuple):
    """A message's route and what its version answers: the canary's, or stable's where pinned."""

    route: str
    replies: tuple[Reply, ...] = (Answer(),)
    attributes: dict[str, str | int | bytes] = {}  # noqa: RUF012 - nobody changes it


RETRIED = {
    "unavailable": Trip("default", (Answer(503), Answer())),
    "error": Trip("default", (Answer(500), Answer())),
    "conflict": Trip("default", (Answer(409), Answer())),
    "break after sending": Trip("default", (Raw(b"HTTP/1.1 2"), Answer())),
    "timeout": Trip("impatient", (Silence(), Answer())),
}
LISTED = {
    "listed unavailable": Trip("eager", (Answer(503),)),
    "listed error": Trip("eager", (Answer(502),)),
    "listed timeout": Trip("impatient-too", (Silence(),)),
}
TRIPS = {
    **RETRIED,
    **LISTED,
    "not found": Trip("default", (Answer(404),)),
    "no connection": Trip("gone"),
    "never well": Trip("twice", (Answer(500),)),
    "unlisted": Trip("eager", (Answer(404),)),
    "come back later": Trip("eager", (Answer(503, {"retry-after": "1"}), Answer())),
    "refused": Trip("eager", (Answer(500),)),
    "stable knows it not": Trip("default", (Answer(404), Answer()), {"version": "v1"}),
}


class Stage:
    """The gateway and its services after all trips but the one that never ends."""

    def __init__(self, gateway: GatewayProcess, sqs: Sqs, services: tuple[Service, ...]) -> None:
        self.gateway, self.sqs, self._services = gateway, sqs, services

    def came(self, body: str) -> list[Request]:
        """Return the deliveries of a body in the order of arrival, whoever got them."""
        found = [request for service in self._services for request in service.seen(body)]
        return sorted(found, key=lambda request: request.arrived_at)

    def told(self, body: str) -> list[tuple[str, str, str, int]]:
        """Return service, version, reason and receive count of each delivery."""
        return [
            (each.service, each["x-gateway-version"], each["x-gateway-reason"], each.receive_count)
            for each in self.came(body)
        ]


@pytest.fixture(scope="module")
def stage(
    moto: Sqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    stable, canary = new_service("stable"), new_service("canary")
    with socket.socket() as deaf:
        deaf.bind((LOOPBACK, 0))  # bound and not listening: connections are refused
        nowhere = f"http://{LOOPBACK}:{deaf.getsockname()[1]}/events"
        routing = {"routes": list(_routes(stable.url, canary.url, nowhere))}
        queues = {route["name"]: moto.create(route["queue"]) for route in routing["routes"]}
        moto.create("fallback-dead")
        _script(stable, canary)
        for body, trip in TRIPS.items():
            queues[trip.route].send(body, attributes=trip.attributes)
        queues["gone-and-off"].send("only the canary's")
        folder = tmp_path_factory.mktemp("gateway")
        with GatewayProcess(folder, routing, moto.endpoint) as gateway:
            for route in {trip.route for trip in TRIPS.values()}:
                queues[route].wait_until_empty()
            yield Stage(gateway, moto, (stable, canary))


def _routes(stable: str, canary: str, nowhere: str) -> Iterator[dict[str, Any]]:
    yield _route("default", stable, canary)
    yield _route("gone", stable, nowhere)
    yield _route("gone-and-off", stable, nowhere, fallback="off")
    yield _route("twice", stable, canary, fallback={"after_receives": 2})
    eager = {"on": ["unavailable", "error"], "after_receives": 1}
    yield _route("eager", stable, canary, fallback=eager, reject="fallback-dead")
    yield _route("impatient", stable, canary, timeout="700ms")
    yield _route("impatient-too", stable, canary, timeout="700ms", fallback={"on": ["timeout"]})


def _route(
    name: str, stable: str, canary: str, *, timeout: str = "30s", **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "queue": f"fallback-{name}",
        "wait": "1s",
        "versions": {
            "stable": {"url": stable, "tag": "v1"},
            "canary": {"url": canary, "tag": "v2", "timeout": timeout},
        },
        "split": {"stable": 0, "canary": 100},
        "retry": {"min": "1s", "max": "1s"},
        **more,
    }


def _script(stable: Service, canary: Service) -> None:
    for body, trip in TRIPS.items():
        (stable if trip.attributes else canary).on(body, *trip.replies)
    stable.on("refused", Answer(422))


def test_an_unreachable_canary_s_message_goes_to_stable_in_the_same_receive(stage: Stage) -> None:
    """It still belongs to the canary: `version` and baggage say so to the next hop."""
    assert stage.told("no connection") == [("stable", "stable", "fallback", 1)]
    (request,) = stage.came("no connection")
    assert (request["version"], request["baggage"]) == ("v2", "version=v2")


def test_a_canary_that_does_not_know_the_path_hands_over_in_the_same_receive(stage: Stage) -> None:
    assert stage.told("not found") == [
        ("canary", "canary", "split", 1),
        ("stable", "stable", "fallback", 1),
    ]
    assert [request["version"] for request in stage.came("not found")] == ["v2", "v2"]


@pytest.mark.parametrize("body", RETRIED)
def test_other_failures_are_retried_on_the_canary_by_default(stage: Stage, body: str) -> None:
    """A break or a timeout may mean that the work is done: only the asker can allow a repeat."""
    assert stage.told(body) == [("canary", "canary", "split", 1), ("canary", "canary", "split", 2)]


@pytest.mark.parametrize("body", LISTED)
def test_further_failures_fall_back_where_the_route_lists_them(stage: Stage, body: str) -> None:
    assert stage.told(body) == [
        ("canary", "canary", "split", 1),
        ("stable", "stable", "fallback", 1),
    ]


def test_a_failure_that_the_route_does_not_list_is_retried(stage: Stage) -> None:
    """404 is left out of this route's list. From the second receive on the message is stable's."""
    assert stage.told("unlisted") == [
        ("canary", "canary", "split", 1),
        ("stable", "stable", "fallback", 2),
    ]


def test_a_503_with_retry_after_waits_instead_of_falling_back(stage: Stage) -> None:
    """The service has said when to come back. This route goes to stable from then on."""
    assert stage.told("come back later") == [
        ("canary", "canary", "split", 1),
        ("stable", "stable", "fallback", 2),
    ]


def test_a_message_goes_to_stable_after_so_many_receives(stage: Stage) -> None:
    assert stage.told("never well") == [
        ("canary", "canary", "split", 1),
        ("canary", "canary", "split", 2),
        ("stable", "stable", "fallback", 3),
    ]


def test_what_stable_answers_to_a_fallback_counts(stage: Stage) -> None:
    """Stable refuses it: the dead-letter copy names stable and the fallback."""
    assert [request.service for request in stage.came("refused")] == ["canary", "stable"]
    (copy,) = stage.sqs.create("fallback-dead").take(1)
    marks = {name: value["StringValue"] for name, value in copy["MessageAttributes"].items()}
    assert marks == {
        "gateway-route": "eager",
        "gateway-version": "stable",
        "gateway-status": "422",
        "gateway-reason": "fallback",
    }


def test_stable_itself_never_falls_back(stage: Stage) -> None:
    assert stage.told("stable knows it not") == [
        ("stable", "stable", "pinned", 1),
        ("stable", "stable", "pinned", 2),
    ]


def test_without_fallback_the_message_stays_the_canary_s(stage: Stage) -> None:
    """Three tries at a port that nobody listens on, and stable never sees the message."""
    retries = {"route": "gone-and-off", "version": "canary", "outcome": "retry"}
    until(lambda: stage.gateway.metric("gateway_deliveries_total", **retries) >= 3, "three retries")
    assert stage.came("only the canary's") == []
