"""A queue that is missing, forbidden or gone: said clearly and once, and nobody else suffers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.exchanges import Raw
from tests.integration.gateway_process import GatewayProcess
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.queues import Sqs
    from tests.integration.services import Service

DENIED = json.dumps(
    {
        "__type": "com.amazon.coral.service#AccessDeniedException",
        "message": "User: arn:aws:iam::123456789012:role/web is not authorized to perform: sqs:x",
    }
)
FORBIDDEN = Raw(
    b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/x-amz-json-1.0\r\n"
    b"connection: close\r\ncontent-length: " + str(len(DENIED)).encode() + b"\r\n\r\n"
    + DENIED.encode()
)  # fmt: skip


class Stage:
    """Routes of which only the first is well from the start."""

    def __init__(
        self, gateway: GatewayProcess, sqs: Sqs, service: Service, forbidding: Service
    ) -> None:
        self.gateway, self.sqs = gateway, sqs
        self.service, self.forbidding = service, forbidding

    def lines(self, event: str, route: str) -> list[dict[str, Any]]:
        """Return the log's lines of one event about one route."""
        lines = map(json.loads, self.gateway.logged().splitlines())
        return [line for line in lines if line["event"] == event and line.get("route") == route]

    def well_delivers(self, body: str) -> None:
        """The well route delivers a message."""
        self.sqs.create("trouble-well").send(body)
        self.service.wait_for(1, body)


@pytest.fixture(scope="module")
def stage(
    moto: Sqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    service, forbidding = new_service("service"), new_service("forbidding SQS")
    forbidding.otherwise = FORBIDDEN
    well, going = moto.create("trouble-well"), moto.create("trouble-going")
    dead = well.url.replace("trouble-well", "trouble-dead")

    def route(name: str, queue: str, **more: str) -> dict[str, Any]:
        return {"name": name, "queue": queue, "wait": "1s", "versions": {"a": service.url}, **more}

    forbidden = forbidding.url.replace("/events", "/123456789012/forbidden")
    routing = {
        "routes": [
            route("well", well.url),
            route("missing", well.url.replace("trouble-well", "trouble-missing")),
            route("forbidden", forbidden),
            route("dead-letters", moto.create("trouble-lettered").url, reject=dead),
            route("going", going.url),
        ]
    }
    folder = tmp_path_factory.mktemp("gateway")
    environment = {"AWS_ENDPOINT_URL_SQS": ""}  # each queue's URL says where it is
    with GatewayProcess(
        folder, routing, moto.endpoint, waits=False, environment=environment
    ) as gateway:
        until(lambda: len(gateway.readyz().text.splitlines()) == 3, "the others to be ready")
        yield Stage(gateway, moto, service, forbidding)


def test_the_other_routes_keep_working(stage: Stage) -> None:
    stage.well_delivers("passes by")


def test_readiness_names_each_route_in_trouble_its_queue_and_the_reason(stage: Stage) -> None:
    told = stage.gateway.wait_until_unready("trouble-missing", "AccessDenied", "trouble-dead")
    by_route = {line.split(":")[0].removeprefix("route "): line for line in told.splitlines()}
    assert by_route.keys() == {"missing", "forbidden", "dead-letters"}
    assert "trouble-missing" in by_route["missing"]
    assert "does not exist" in by_route["missing"]
    assert "/123456789012/forbidden" in by_route["forbidden"]
    assert "AccessDenied" in by_route["forbidden"]
    assert "trouble-dead" in by_route["dead-letters"]
    assert "does not exist" in by_route["dead-letters"]


def test_trouble_is_logged_once_with_route_and_queue(stage: Stage) -> None:
    """The third try at the forbidden queue has been made, and the log has one line of it."""
    stage.forbidding.wait_for(3)
    for route, queue in (("missing", "trouble-missing"), ("forbidden", "/forbidden")):
        (line,) = stage.lines("route failed", route)
        assert queue in line["why"]
        assert line["queue"].endswith(queue)
        assert line["level"] == "error"


def test_a_queue_that_is_created_later_is_found(stage: Stage) -> None:
    queue = stage.sqs.create("trouble-missing")
    queue.send("was waited for")
    stage.service.wait_for(1, "was waited for")
    until(lambda: "route missing" not in stage.gateway.readyz().text, "missing to be ready")
    assert len(stage.lines("route works again", "missing")) == 1
    assert len(stage.lines("route failed", "missing")) == 1


def test_a_dead_letter_queue_that_is_created_later_is_found(stage: Stage) -> None:
    stage.sqs.create("trouble-dead")
    stage.sqs.create("trouble-lettered").send("lettered")
    stage.service.wait_for(1, "lettered")


def test_a_queue_that_vanishes_is_told_and_found_again(stage: Stage) -> None:
    """One line when it goes and one when it is back, however many receives fail in between."""
    queue = stage.sqs.create("trouble-going")
    queue.client.delete_queue(QueueUrl=queue.url)
    stage.gateway.wait_until_unready("route going: ", "does not exist")
    stage.well_delivers("passes by the gap")
    errors = {"route": "going", "result": "error"}
    until(
        lambda: stage.gateway.metric("gateway_receives_total", **errors) >= 3,
        "three failed receives",
    )
    (line,) = stage.lines("receives fail", "going")
    assert line["queue"] == queue.url
    stage.sqs.create("trouble-going").send("is back")
    stage.service.wait_for(1, "is back")
    until(lambda: "route going" not in stage.gateway.readyz().text, "going to be ready")
    until(lambda: stage.lines("receives work again", "going"), "its line")
    assert len(stage.lines("receives fail", "going")) == 1
    assert len(stage.lines("receives work again", "going")) == 1


def test_the_process_that_has_trouble_is_still_alive_and_stops_cleanly(stage: Stage) -> None:
    assert stage.gateway.client.get("/healthz").status_code == 200
    assert stage.gateway.stop() == 0
    assert "Traceback" not in stage.gateway.logged()


SETTINGS = {
    "credentials": ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "AWS_ACCESS_KEY_ID"),
    "endpoint": ({"AWS_ENDPOINT_URL_SQS": "no URL"}, "AWS_ENDPOINT_URL_SQS"),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_aws_settings_that_cannot_work_are_told_with_what_to_change(
    moto: Sqs, tmp_path: Path, what: str
) -> None:
    """The process goes on trying, and stops cleanly though it never found a queue."""
    environment, named = SETTINGS[what]
    routing = {
        "routes": [{"name": "poor", "queue": "poor", "versions": {"a": "http://127.0.0.1:9/"}}]
    }
    with GatewayProcess(
        tmp_path, routing, moto.endpoint, waits=False, environment=environment
    ) as gateway:
        told = gateway.wait_until_unready("route poor", "queue poor", what)
        assert named in told
        assert gateway.stop() == 0
        assert "Traceback" not in gateway.logged()
