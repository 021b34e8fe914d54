"""A route that reads a topic: what the file leaves out, and what becomes of what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.config.checks import sources
from gateway.config.loader import load
from gateway.config.problems.problem import ProblemsFound
from gateway.core.kafka.plan import (
    Auth,
    KafkaPlan,
    Order,
    Protocol,
    SettingEnv,
    SettingFile,
    Start,
    TopicAddress,
    WhenBehind,
)
from gateway.core.routing.sources import FromGroup

if TYPE_CHECKING:
    from gateway.core.routing.route import Route

SMALLEST = """
routes:
  - name: orders
    kafka: {brokers: ["kafka:9092"], topic: orders, group: shop, start: earliest}
    versions:
      stable: http://b.shop:8080/events
      canary: {topic: orders.b1, tag: v2}
    split: {stable: 90, canary: 10}
    reject: orders.dead
"""


def route_of(text: str) -> Route:
    return load(text.encode(), "routes.yaml").routes[0]


def plan_of(text: str) -> KafkaPlan:
    plan = route_of(text).kafka
    assert plan is not None
    return plan


def test_the_smallest_route_has_the_documented_defaults() -> None:
    assert plan_of(SMALLEST) == KafkaPlan(
        brokers=("kafka:9092",),
        topic=TopicAddress("orders"),
        group="shop",
        start=Start.EARLIEST,
        order=Order.KEY,
        max_behind=10_000,
        protocol=Protocol.CLASSIC,
        settings={},
        auth=Auth.NONE,
        when_behind=WhenBehind.PAUSE,
        parking=None,
        max_attempts=8,
        reject=TopicAddress("orders.dead"),
    )


def test_its_source_and_its_dead_letters_are_topics() -> None:
    route = route_of(SMALLEST)
    assert route.queue == TopicAddress("orders")
    assert route.dead_letter == TopicAddress("orders.dead")
    assert [version.topic for version in route.versions] == [None, TopicAddress("orders.b1")]


@pytest.mark.parametrize("order", ["key", "partition", "none"])
def test_a_key_sticks_to_its_version_in_every_order(order: str) -> None:
    route = route_of(SMALLEST.replace("start: earliest", f"start: earliest, order: {order}"))
    assert route.split is not None
    assert route.split.sticky == FromGroup()


@pytest.mark.parametrize(("order", "on"), [("key", False), ("partition", False), ("none", True)])
def test_fallback_is_off_by_default_where_records_have_an_order(order: str, *, on: bool) -> None:
    route = route_of(SMALLEST.replace("start: earliest", f"start: earliest, order: {order}"))
    assert (route.fallback is not None) is on


def test_a_topic_in_when_behind_is_where_records_are_parked() -> None:
    plan = plan_of(SMALLEST + "    when_behind: orders.parked\n")
    assert (plan.when_behind, plan.parking) == (WhenBehind.PAUSE, TopicAddress("orders.parked"))


def test_block_is_no_topic() -> None:
    assert plan_of(SMALLEST.replace("orders.dead", "block")).reject is None


def test_settings_are_texts_and_secrets_stay_where_they_are() -> None:
    given = (
        "{sasl.password: {file: /etc/secrets/password}, sasl.username: {env: KAFKA_USER},"
        " enable.ssl.certificate.verification: false, session.timeout.ms: 6000}"
    )
    plan = plan_of(SMALLEST.replace("start: earliest", f"start: earliest, settings: {given}"))
    assert plan.settings == {
        "sasl.password": SettingFile("/etc/secrets/password"),
        "sasl.username": SettingEnv("KAFKA_USER"),
        "enable.ssl.certificate.verification": "false",
        "session.timeout.ms": "6000",
    }


def test_a_secret_in_settings_is_in_no_text_of_the_plan() -> None:
    given = "start: earliest, settings: {sasl.password: hunter2}"
    route = route_of(SMALLEST.replace("start: earliest", given))
    assert "hunter2" not in repr(route)


def test_without_the_client_a_route_with_a_topic_is_a_problem_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "find_spec", lambda _: None)
    with pytest.raises(ProblemsFound) as found:
        load(SMALLEST.encode(), "routes.yaml")
    (problem,) = found.value.problems
    assert str(problem).startswith("routes.yaml:4: routes[0].kafka: needs the client for Kafka")
    assert "[kafka]" in problem.hint


def test_two_routes_may_read_one_topic_in_groups_of_their_own() -> None:
    other = SMALLEST.replace("name: orders", "name: other").replace("group: shop", "group: other")
    both = SMALLEST + other.replace("routes:\n", "").replace("\n\n", "\n")
    assert [route.name for route in load(both.encode(), "f").routes] == ["orders", "other"]


def test_topics_of_one_name_in_two_clusters_are_two_topics() -> None:
    other = SMALLEST.replace("name: orders", "name: other").replace("kafka:9092", "kafka2:9092")
    both = SMALLEST + other.replace("routes:\n", "").replace("\n\n", "\n")
    assert [route.name for route in load(both.encode(), "f").routes] == ["orders", "other"]
