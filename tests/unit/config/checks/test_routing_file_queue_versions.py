"""Versions that are queues: what they compile to, and which ways lead back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.config.loader import load
from gateway.config.problems.problem import ProblemsFound
from gateway.core.addresses import QueueAddress

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
ARN = "arn:aws:sqs:eu-west-1:123456789012:orders"


def file_of(*routes: dict[str, Any]) -> bytes:
    return json.dumps({"routes": list(routes)}).encode()


def route(queue: str, *versions: str, **more: Any) -> dict[str, Any]:
    """Return a route whose versions are these queues; its name is that of the queue's end."""
    spec = {f"v{at}": {"queue": version} for at, version in enumerate(versions)}
    name = "r-" + queue.replace("/", ":").rpartition(":")[2].removesuffix(".fifo")
    return {"name": name, "queue": queue, "versions": spec or {"stable": "http://b/"}, **more}


def problems_of(*routes: dict[str, Any]) -> list[str]:
    try:
        load(file_of(*routes), "routes.yaml")
    except ProblemsFound as found:
        return [f"{problem.place}: {problem.what}" for problem in found.problems]
    return []


def test_a_queue_version_compiles_to_its_address_and_limits() -> None:
    versions = {
        "stable": {"queue": "b", "tag": "v1"},
        "canary": {"queue": "b1", "max_depth": 5000, "max_rate": 3, "timeout": "7s"},
        "posted": "http://b2/",
    }
    only = {"name": "r", "queue": "orders", "versions": versions}
    stable, canary, posted = load(file_of(only), "routes.yaml").routes[0].versions
    assert (stable.url, stable.tag, stable.max_depth) == ("", "v1", None)
    assert stable.queue == QueueAddress("b", "b")
    assert (canary.queue, canary.max_depth) == (QueueAddress("b1", "b1"), 5000)
    assert (canary.max_rate, canary.timeout_seconds, canary.max_in_flight) == (3, 7, 100)
    assert (posted.url, posted.queue) == ("http://b2/", None)


def test_a_name_alone_is_in_the_region_of_the_route_s_queue() -> None:
    elsewhere = "arn:aws:sqs:us-east-1:210987654321:b1"
    (only,) = load(file_of(route(URL, "b", elsewhere)), "routes.yaml").routes
    stable, canary = (version.queue for version in only.versions)
    assert stable is not None
    assert (stable.region, stable.account) == ("eu-west-1", None)
    assert canary is not None
    assert (canary.region, canary.account) == ("us-east-1", "210987654321")


@pytest.mark.parametrize("source", ["orders", URL, ARN])
@pytest.mark.parametrize("version", ["orders", URL, ARN])
def test_the_source_is_no_version_however_it_is_called(source: str, version: str) -> None:
    (only,) = problems_of(route(source, version))
    assert only.startswith("routes[0].versions.v0.queue: is the route's own queue")


@pytest.mark.parametrize(
    "version",
    [
        ARN.replace("eu-west-1", "us-east-1"),
        ARN.replace("123456789012", "210987654321"),
        URL.replace("orders", "order"),
        "orders-1",
    ],
)
def test_another_region_account_or_name_is_another_queue(version: str) -> None:
    assert not problems_of(route(URL, version))


def test_a_queue_of_the_other_type_is_refused_both_ways() -> None:
    (lost,) = problems_of(route("orders.fifo", "b"))
    (no_group,) = problems_of(route("orders", "b.fifo"))
    assert "is no FIFO queue" in lost
    assert "is a FIFO queue" in no_group
    assert not problems_of(route("orders.fifo", "b.fifo"))


@pytest.mark.parametrize("length", [2, 3, 12])
def test_a_circle_of_any_length_is_named(length: int) -> None:
    names = [f"q{at}" for at in range(length)]
    routes = [route(name, names[(at + 1) % length]) for at, name in enumerate(names)]
    (only,) = problems_of(*routes)
    assert only.startswith(f"routes[{length - 1}].versions.v0.queue: closes a circle")
    if length == 3:
        assert only.endswith(": routes[0] to routes[1] to routes[2] to routes[0]")


def test_a_circle_is_seen_through_names_urls_and_arns() -> None:
    (only,) = problems_of(route(URL, "b"), route("b", ARN))
    assert only.startswith("routes[1].versions.v0.queue: closes a circle")
    (only,) = problems_of(route("orders", "b"), route("b", URL))
    assert only.startswith("routes[1].versions.v0.queue: closes a circle")


def test_a_chain_and_a_fan_in_are_no_circles() -> None:
    """Two routes may send to one queue, a diamond may end in one, and versions may share one."""
    assert not problems_of(
        route("a", "b", "c"), route("b", "d"), route("c", "d"), route("d", "e", "e")
    )


def test_a_region_of_no_shape_hides_nothing() -> None:
    (only,) = problems_of(route("orders", "b", region=["eu-west-1"]))
    assert only.startswith("routes[0].region")


def test_a_long_chain_takes_neither_stack_nor_time() -> None:
    names = [f"q{at}" for at in range(5000)]
    assert not problems_of(*(route(name, f"q{at + 1}") for at, name in enumerate(names)))


@pytest.mark.parametrize("other", [URL, ARN])
def test_a_route_by_name_has_the_queue_of_one_by_its_address(other: str) -> None:
    twice = {**route(other), "name": "twice"}
    assert problems_of(route("orders"), twice) == ["routes[1].queue: is the queue of routes[0] too"]
    assert not problems_of(route("orders", region="us-east-1"), twice)
