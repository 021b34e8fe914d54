"""The three ways of the full chain: what each service is told, and what the gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.file import read
from gateway.demo.addresses import USUAL, Addresses
from gateway.demo.chains import NAMES, OneHop
from gateway.demo.full_chain.ways import by_opentelemetry, by_sender, own_queues
from gateway.demo.opentelemetry.node import INSTRUMENTED, Node
from gateway.demo.routing import read_route, weights_by_tag

ADDRESSES = Addresses({name: port + 1_000 for name, port in USUAL.items()})
NODE = Node(Path("/usr/bin/node"), Path("/modules"))
WAYS = {"sender": by_sender(), "otel": by_opentelemetry(NODE), "queues": own_queues()}


@pytest.mark.parametrize("name", WAYS)
def test_the_gateway_takes_the_routing_file_of_each_way(name: str, tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(WAYS[name].routing(ADDRESSES), "utf-8")
    orders, invoices = read(path).routes
    assert (orders.queue.name, invoices.queue.name) == tuple(WAYS[name].queues[:2])
    assert weights_by_tag(read_route(path.read_text("utf-8"))) == {"v1": 90, "v2": 10}
    assert invoices.split is None
    assert [one.tag for one in invoices.versions] == ["v1", "v2"]


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("service", NAMES)
def test_no_service_is_told_of_versions(name: str, service: str) -> None:
    """Its credentials are not its own business: only AWS reads the session's name."""
    how = WAYS[name].start(service, ADDRESSES)
    settings = {k: v for k, v in how.settings.items() if k != "AWS_ACCESS_KEY_ID"}
    for told in (*how.command, *settings.values()):
        assert "version=" not in told
        assert "canary" not in told


def test_only_b1_says_a_version_by_its_session() -> None:
    keys = {n: by_sender().start(n, ADDRESSES).settings["AWS_ACCESS_KEY_ID"] for n in NAMES}
    assert keys.pop("B1") == "AROADEMOROLE:b1,version=v2"
    assert keys.pop("B") == "AROADEMOROLE:b"
    assert set(keys.values()) == {"demo"}


def test_by_opentelemetry_all_have_the_same_credentials() -> None:
    starts = [by_opentelemetry(NODE).start(name, ADDRESSES) for name in NAMES]
    assert {how.settings["AWS_ACCESS_KEY_ID"] for how in starts} == {"demo"}


@pytest.mark.parametrize("service", ["B", "B1", "C", "C1"])
def test_the_services_in_node_are_instrumented_from_the_outside(service: str) -> None:
    how = by_opentelemetry(NODE).start(service, ADDRESSES)
    assert how.program == "/usr/bin/node"
    assert INSTRUMENTED.items() <= how.settings.items()
    assert how.settings["NODE_PATH"] == "/modules"
    assert ("NEXT_QUEUE" in how.settings) == (service in ("B", "B1"))


def test_pull_consumers_poll_what_the_gateway_sends_to(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(own_queues().routing(ADDRESSES), "utf-8")
    sent_to = [version.queue.name for route in read(path).routes for version in route.versions]
    polled = []
    for service in ("B", "B1", "C", "C1"):
        command = list(own_queues().start(service, ADDRESSES).command)
        polled.append(command[command.index("--poll") + 1])
    assert polled == sent_to
    assert set(polled) < set(own_queues().queues)


def test_the_usual_demo_has_one_queue_and_calls_from_there() -> None:
    how = OneHop().start("B", ADDRESSES)
    assert how.command[-2:] == ["--next", ADDRESSES.url("C", "/events")]
    assert OneHop().queues == ("orders",)
