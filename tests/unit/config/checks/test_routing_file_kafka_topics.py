"""Topics that several routes name: none has two readers, and no record goes in a circle."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.config.loader import load
from gateway.config.problems.problem import ProblemsFound


def route(name: str, topic: str, group: str = "g", **more: Any) -> dict[str, Any]:
    """Return a route that reads a topic."""
    kafka = {"brokers": ["kafka:9092"], "topic": topic, "group": group, "start": "earliest"}
    kafka |= more.pop("kafka", {})
    versions = {"stable": "http://b.shop", "canary": "http://b1.shop"}
    return {"name": name, "kafka": kafka, "versions": versions, "reject": "block", **more}


def problems_of(*routes: dict[str, Any]) -> list[str]:
    try:
        load(json.dumps({"routes": routes}).encode(), "routes.json")
    except ProblemsFound as found:
        return [str(each).partition("routes[")[2] for each in found.problems]
    return []


@pytest.mark.parametrize("group", ["g", "g2"])
def test_two_routes_may_not_park_in_one_topic(group: str) -> None:
    """Each would read back, and handle, what the other parked."""
    (only,) = problems_of(
        route("one", "orders", when_behind="waiting"),
        route("two", "bills", group, when_behind="waiting"),
    )
    what = "is also `when_behind` of routes[0] (park in a topic that nothing else uses)"
    assert only == f"1].when_behind: {what}"


@pytest.mark.parametrize("group", ["g", "g2"])
@pytest.mark.parametrize(
    ("use", "other"),
    [
        ("kafka.topic", route("two", "waiting")),
        ("reject", route("two", "bills", reject="waiting")),
        (
            "versions.canary.topic",
            route(
                "two",
                "bills",
                versions={"stable": {"topic": "b"}, "canary": {"topic": "waiting"}},
            ),
        ),
    ],
)
def test_a_parking_topic_is_no_other_routes_topic(
    use: str, other: dict[str, Any], group: str
) -> None:
    other["kafka"]["group"] = group
    parks = route("one", "orders", when_behind="waiting")
    (only,) = problems_of(parks, other)
    assert only.startswith(f"0].when_behind: is also `{use}` of routes[1]")
    (only,) = problems_of(other, parks)
    assert only.startswith(f"1].when_behind: is also `{use}` of routes[0]")


def test_what_two_clusters_share_is_told_once() -> None:
    """They are the same one, written by two of its brokers."""
    brokers = {"brokers": ["kafka:9092", "kafka2:9092"]}
    (only,) = problems_of(
        route("one", "orders", when_behind="waiting", kafka=brokers),
        route("two", "bills", when_behind="waiting", kafka=brokers),
    )
    assert only.startswith("1].when_behind: is also `when_behind` of routes[0]")


def test_the_topic_of_another_cluster_is_another_topic() -> None:
    elsewhere = {"brokers": ["kafka2:9092"]}
    assert not problems_of(
        route("one", "orders", when_behind="waiting", reject="dead"),
        route("two", "waiting", kafka=elsewhere, reject="orders"),
        route("three", "bills", when_behind="waiting", kafka=elsewhere | {"brokers": ["kafka3:1"]}),
    )


def test_one_word_of_when_behind_is_no_topic() -> None:
    assert not problems_of(
        route("one", "orders", when_behind="pause"), route("two", "bills", when_behind="pause")
    )


def test_dead_letters_that_lead_back_are_a_circle() -> None:
    """One record that nothing takes would be handled for ever, with more headers each time."""
    found = problems_of(
        route("one", "orders", reject="dead"), route("two", "dead", "g2", reject="orders")
    )
    what = "rejected records would go round for ever (name another topic)"
    assert found == [
        f"0].reject: leads back here by way of routes[1], {what}",
        f"1].reject: leads back here by way of routes[0], {what}",
    ]


def test_a_version_and_a_dead_letter_close_a_circle_too() -> None:
    first = route("one", "orders")
    first["versions"] = {"stable": {"topic": "b"}, "canary": {"topic": "b1"}}
    found = problems_of(first, route("two", "b1", "g2", reject="orders"))
    assert [each.partition(",")[0] for each in found] == [
        "0].versions.canary.topic: leads back here by way of routes[1]",
        "1].reject: leads back here by way of routes[0]",
    ]


def test_a_second_group_of_a_topic_is_seen_in_a_circle() -> None:
    """Each route that reads a topic counts, not the first alone."""
    found = problems_of(
        route("one", "orders", "g1"),
        route("two", "orders", "g2", reject="dead"),
        route("three", "dead", "g3", reject="orders"),
    )
    assert [each.partition(":")[0] for each in found] == ["1].reject", "2].reject"]


def test_a_chain_of_dead_letters_is_none() -> None:
    assert not problems_of(
        route("one", "orders", reject="dead"),
        route("two", "dead", "g2", reject="dead-for-good"),
        route("three", "bills", "g3", reject="dead"),
    )
