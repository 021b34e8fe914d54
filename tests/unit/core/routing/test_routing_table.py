"""Routes and the routing table."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.core.routing.route import Backoff, Fallback, FallbackOn, RoutingTable, UnknownVersion
from gateway.core.routing.sources import FromAttribute, FromBaggage, FromSession
from tests.builders import CANARY, STABLE, route, version


def test_a_version_is_called_by_tag_or_name() -> None:
    table = route()
    assert table.version_called("v1") is table.version_called("stable") is STABLE
    assert table.version_called("v2") is table.version_called("canary") is CANARY
    assert table.version_called("v3") is None


def test_a_table_finds_its_routes_by_name() -> None:
    orders, carts = route(name="orders"), route(name="carts")
    table = RoutingTable((orders, carts))
    assert table.route("carts") is carts
    assert table.route("unheard-of") is None


def test_defaults_are_those_of_the_contract() -> None:
    plain = route()
    assert (plain.wait_seconds, plain.visibility_seconds, plain.max_in_flight) == (20, None, 200)
    assert plain.unknown_version is UnknownVersion.SPLIT
    assert plain.version_from == (
        FromAttribute("version"), FromBaggage("version"), FromSession("version"),
    )  # fmt: skip
    assert plain.retry == Backoff(min_seconds=2, max_seconds=300)
    assert Fallback() == Fallback(frozenset({FallbackOn.UNREACHABLE, FallbackOn.NOT_FOUND}), 3)
    assert plain.dead_letter is None
    assert STABLE.timeout_seconds == 30
    assert STABLE.max_rate is None


def test_a_route_in_force_never_changes() -> None:
    """A reload swaps tables; it never edits one."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        route().name = "other"  # type: ignore[misc]


def test_routes_of_equal_content_are_equal() -> None:
    """That is how a reload tells what changed."""
    weights = {"stable": 90, "canary": 10}
    assert route(weights) == route(weights)
    assert route(weights) != route({"stable": 80, "canary": 20})


def test_words_of_the_routing_file() -> None:
    assert [str(mode) for mode in UnknownVersion] == ["split", "stable", "retry"]
    assert {str(reason) for reason in FallbackOn} == {
        "unreachable", "not_found", "unavailable", "error", "timeout",
    }  # fmt: skip


def test_a_version_does_not_print_its_headers() -> None:
    """They may hold a secret, and a repr ends in logs."""
    secretive = version("stable", headers=(("authorization", "Bearer hunter2"),))
    assert "hunter2" not in repr(secretive)
    assert "hunter2" not in repr(route(versions=(secretive,)))
