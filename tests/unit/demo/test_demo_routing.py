"""The demo's routing file, and what the demo expects of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.file import read
from gateway.demo.addresses import USUAL, Addresses
from gateway.demo.routing import expected_tag, read_route, routing_file, weights_by_tag

ROOT = Path(__file__).parents[3]
PACKAGED = ROOT / "gateway" / "demo" / "routes.yaml"


def test_the_packaged_routing_file_is_the_one_in_config() -> None:
    """An installed wheel has no config/; both copies must say the same."""
    assert PACKAGED.read_bytes() == (ROOT / "config" / "routes.yaml").read_bytes()


def test_at_the_usual_ports_the_routing_file_is_used_as_it_is() -> None:
    assert routing_file(Addresses(USUAL)) == PACKAGED.read_text("utf-8")


def test_services_at_other_ports_are_where_the_routing_file_says() -> None:
    route = read_route(routing_file(Addresses({**USUAL, "B": 1111, "B1": 2222})))
    assert [version.url for version in route.versions] == [
        "http://127.0.0.1:1111/events",
        "http://127.0.0.1:2222/events",
    ]


def test_the_demo_reads_its_routing_file_as_the_gateway_does() -> None:
    """It has a reader of its own, so that it leans on nothing it checks; they must agree."""
    (gateways,) = read(PACKAGED).routes
    demos = read_route(PACKAGED.read_text("utf-8"))
    assert demos.split is not None
    assert gateways.split is not None
    assert (demos.name, demos.queue.name) == (gateways.name, gateways.queue.name) == ("orders",) * 2
    assert (demos.split.edges, demos.split.seed) == (gateways.split.edges, gateways.split.seed)
    assert demos.weights == gateways.weights
    assert [(v.name, v.tag, v.url) for v in demos.versions] == [
        (v.name, v.tag, v.url) for v in gateways.versions
    ]


def test_weights_are_known_by_tag() -> None:
    assert weights_by_tag(read_route(PACKAGED.read_text("utf-8"))) == {"v1": 90, "v2": 10}


@pytest.mark.parametrize(
    ("message_id", "pin", "tag"),
    [
        ("m-1", None, "v1"),
        ("m-1", "v2", "v2"),
        ("", None, "v2"),
        ("", "v1", "v1"),
        ("", "nonsense", "v2"),
    ],
)
def test_the_tag_expected_is_the_pin_or_the_bucket_of_the_message_id(
    message_id: str, pin: str | None, tag: str
) -> None:
    """With seed `orders` the bucket of `m-1` is 1,754 and that of the empty id 720: b2sum."""
    assert expected_tag(read_route(PACKAGED.read_text("utf-8")), message_id, pin) == tag
