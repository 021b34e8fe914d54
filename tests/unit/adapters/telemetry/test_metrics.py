"""Metrics: the contract's names and labels, filled from events, and nothing besides."""

from __future__ import annotations

import platform
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from gateway import __version__
from gateway.adapters.telemetry.metric_definitions import METRIC_DEFINITIONS
from gateway.adapters.telemetry.metrics import Metrics
from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Responded
from gateway.core.events import (
    Acked,
    Action,
    AttributesDropped,
    CopyOutcome,
    Delivered,
    DeliveryCrashed,
    Event,
    ForwardedUnstamped,
    MessageUnreadable,
    Mirrored,
    Outcome,
    Phase,
    PhaseChanged,
    Received,
    ReceiveFailed,
    Reloaded,
    ReloadFailed,
    Settled,
    SettlementFailed,
    TableInForce,
    VersionQueueDepth,
)
from gateway.core.kafka.partition_view import PartitionView
from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress
from gateway.core.routing.decision import Reason
from gateway.core.routing.route import RoutingTable, UnknownVersion
from gateway.core.routing.version import Version
from gateway.follow_port import FollowView
from gateway.ports import RouteView
from tests.builders import CANARY, STABLE, THIRD, follow_plan, mirror, route
from tests.unit.adapters.fakes import Clock, decided, delivered, table

CONTRACT = """
gateway_messages_received_total{route}
gateway_messages_unreadable_total{route}
gateway_receives_total{route,result}
gateway_decisions_total{route,version,reason}
gateway_deliveries_total{route,version,outcome}
gateway_mirrored_total{route,version,outcome}
gateway_delivery_duration_seconds{route,version}
gateway_message_age_seconds{route,version}
gateway_forward_unstamped_total{route,version}
gateway_target_queue_depth{route,version}
gateway_target_queue_max_depth{route,version}
gateway_messages_in_flight{route}
gateway_route_max_in_flight{route}
gateway_deliveries_in_flight{route,version}
gateway_settlements_total{route,action}
gateway_settlement_failures_total{route,action}
gateway_split_weight{route,version}
gateway_version_stable{route,version}
gateway_rollout_phase{route,phase}
gateway_rollout_step{route}
gateway_rollout_verdict{route}
gateway_rollbacks_total{route,reason}
gateway_weight_override{route}
gateway_state_in_trouble
gateway_follow_valid{route}
gateway_follow_synced_timestamp_seconds{route}
gateway_follow_unmapped_total{route}
gateway_follow_unroutable_total{route}
gateway_kafka_behind{route,partition}
gateway_kafka_max_behind{route}
gateway_kafka_paused{route,partition}
gateway_kafka_blocked{route,partition}
gateway_kafka_detours_total{route,partition}
gateway_kafka_rebalances_total{route}
gateway_config_last_reload_successful
gateway_config_last_reload_success_timestamp_seconds
gateway_config_generation
gateway_spans_total{outcome}
gateway_build_info{version,revision,python,compiled}
"""
"""Copied from docs/reference/metrics.md by hand: what dashboards and alerts are written against."""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scraped:
    """What a scrape says, read as Prometheus reads it."""

    def __init__(self, metrics: Metrics) -> None:
        body, self.content_type = metrics.render()
        self.families = list(text_string_to_metric_families(body.decode()))
        self._samples: Samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        return self._samples.get((name, frozenset(labels.items())))

    def labels(self, name: str) -> list[dict[str, str]]:
        return [dict(labels) for sample, labels in self._samples if sample == name]


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.0)


@pytest.fixture
def metrics(clock: Clock) -> Metrics:
    made = Metrics(CollectorRegistry(), now=clock)
    made.observe(TableInForce(table(), 1))
    return made


def table_with_a_queue(max_depth: int | None = 5000) -> RoutingTable:
    pull = Version("pull", "v3", queue=parse_queue("b1"), max_depth=max_depth)
    following = route(name="follows", queue="follows", follow=follow_plan())
    return RoutingTable((route(versions=[STABLE, CANARY, pull], mirror=mirror()), following))


def topic_view() -> RouteView:
    topic = TopicAddress("orders")
    plan = KafkaPlan(("kafka:9092",), topic, "g", Start.LATEST, max_behind=500)
    reads = replace(route(name="reads"), queue=topic, kafka=plan)
    slow = PartitionView("orders", 3, 400, paused=True, blocked=2, detours=5)
    parts = [slow, PartitionView("parked", 0, 7)]
    phase = PhaseChanged("reads", Phase.POLLING)
    return RouteView(reads, phase, 0, {}, 0, 200, {}, partitions=parts, rebalances=4)


def test_a_topic_says_how_far_each_partition_is_behind() -> None:
    """Those of the parking topic have its name before their number."""
    scraped = Scraped(Metrics(CollectorRegistry(), read_routes=lambda: [topic_view()]))
    for name, value in (("behind", 400), ("paused", 1), ("blocked", 2), ("detours_total", 5)):
        assert scraped.value(f"gateway_kafka_{name}", route="reads", partition="3") == value
    assert scraped.value("gateway_kafka_behind", route="reads", partition="parked/0") == 7
    assert scraped.value("gateway_kafka_max_behind", route="reads") == 500
    assert scraped.value("gateway_kafka_rebalances_total", route="reads") == 4


def test_the_scrape_has_the_metrics_of_the_contract_and_no_others() -> None:
    view = FollowView("follows", "VirtualService shop/b", synced_at=1.0)
    metrics = Metrics(
        CollectorRegistry(), read_follows=lambda: [view], read_routes=lambda: [topic_view()]
    )
    metrics.observe(TableInForce(table_with_a_queue(), 2))
    metrics.observe(VersionQueueDepth("orders", "pull", 3))
    metrics.observe(delivered(age_seconds=1.0))
    found = set()
    for family in Scraped(metrics).families:
        total = "_total" if family.type == "counter" else ""
        labels = list(dict.fromkeys(key for s in family.samples for key in s.labels if key != "le"))
        found.add((f"{family.name}{total}", frozenset(labels)))
    assert found == {_listed(line) for line in CONTRACT.split()}


def test_no_sample_is_called_created(metrics: Metrics) -> None:
    assert b"_created" not in metrics.render()[0]


def test_the_definitions_list_what_the_contract_lists_in_its_order() -> None:
    listed = [
        f"{m.name}{{{','.join(m.labels)}}}" if m.labels else m.name for m in METRIC_DEFINITIONS
    ]
    assert listed == CONTRACT.split()


def test_the_definitions_say_of_each_metric_what_it_is_in_a_sentence() -> None:
    for metric in METRIC_DEFINITIONS:
        assert metric.type in {"counter", "gauge", "histogram"}
        assert metric.help.endswith("."), metric.name
        assert (metric.type == "counter") == metric.name.endswith("_total")


def test_the_scrape_has_the_types_and_help_of_the_definitions(metrics: Metrics) -> None:
    families = {family.name: family for family in Scraped(metrics).families}
    for metric in METRIC_DEFINITIONS:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.type, metric.help)


def test_the_content_type_is_that_of_the_text_format(metrics: Metrics) -> None:
    assert Scraped(metrics).content_type == "text/plain; version=0.0.4; charset=utf-8"


def test_a_registry_of_its_own_also_has_the_process_and_python_metrics() -> None:
    names = {family.name for family in Scraped(Metrics()).families}
    assert {"process_resident_memory_bytes", "python_info", "python_gc_collections"} <= names


# ---- from events --------------------------------------------------------------------------------


def test_a_message_that_cannot_be_read_is_counted(metrics: Metrics) -> None:
    for _ in range(2):
        metrics.observe(MessageUnreadable("orders", "m-1", "its receive count is no number"))
    assert Scraped(metrics).value("gateway_messages_unreadable_total", route="orders") == 2.0


@pytest.mark.parametrize(
    ("messages", "result", "received"), [(7, "messages", 7.0), (0, "empty", 0.0)]
)
def test_a_receive_counts_itself_and_its_messages(
    metrics: Metrics, messages: int, result: str, received: float
) -> None:
    metrics.observe(Received("orders", messages))
    scraped = Scraped(metrics)
    assert scraped.value("gateway_messages_received_total", route="orders") == received
    results = {
        each["result"]: scraped.value("gateway_receives_total", **each)
        for each in scraped.labels("gateway_receives_total")
    }
    assert results == {"messages": 0.0, "empty": 0.0, "error": 0.0} | {result: 1.0}


def test_a_failed_receive_counts_as_an_error(metrics: Metrics) -> None:
    metrics.observe(ReceiveFailed("orders", "no route to host"))
    scraped = Scraped(metrics)
    assert scraped.value("gateway_receives_total", route="orders", result="error") == 1.0


def test_a_decision_counts_under_its_version_and_reason(metrics: Metrics) -> None:
    metrics.observe(decided(CANARY, Reason.PINNED))
    metrics.observe(decided(CANARY, Reason.PINNED))
    scraped = Scraped(metrics)
    labels = {"route": "orders", "version": "canary", "reason": "pinned"}
    assert scraped.value("gateway_decisions_total", **labels) == 2.0


def test_a_decision_for_no_version_counts_under_an_empty_one(metrics: Metrics) -> None:
    metrics.observe(TableInForce(table(route(unknown_version=UnknownVersion.RETRY)), 2))
    labels = {"route": "orders", "version": "", "reason": "unknown_version"}
    assert Scraped(metrics).value("gateway_decisions_total", **labels) == 0.0
    metrics.observe(decided(None, Reason.UNKNOWN_VERSION))
    assert Scraped(metrics).value("gateway_decisions_total", **labels) == 1.0


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_delivery_counts_under_its_outcome_and_takes_time(
    metrics: Metrics, outcome: Outcome
) -> None:
    metrics.observe(delivered(outcome, seconds=0.02))
    scraped = Scraped(metrics)
    version = {"route": "orders", "version": "canary"}
    assert scraped.value("gateway_deliveries_total", **version, outcome=outcome.value) == 1.0
    assert scraped.value("gateway_delivery_duration_seconds_sum", **version) == 0.02
    assert scraped.value("gateway_delivery_duration_seconds_count", **version) == 1.0


def test_a_value_on_an_edge_belongs_to_the_bucket_below_it(metrics: Metrics) -> None:
    for seconds in (0.025, 0.026, 4_000.0):
        metrics.observe(delivered(seconds=seconds))
    scraped, version = Scraped(metrics), {"route": "orders", "version": "canary"}
    counts = {
        le: scraped.value("gateway_delivery_duration_seconds_bucket", **version, le=le)
        for le in ("0.01", "0.025", "0.05", "300.0", "+Inf")
    }
    assert counts == {"0.01": 0.0, "0.025": 1.0, "0.05": 2.0, "300.0": 2.0, "+Inf": 3.0}


def test_age_is_observed_for_acks_alone_and_never_below_zero(metrics: Metrics) -> None:
    metrics.observe(delivered(Outcome.RETRY))
    metrics.observe(delivered(age_seconds=90.0))
    metrics.observe(delivered(age_seconds=-3.0))
    scraped, version = Scraped(metrics), {"route": "orders", "version": "canary"}
    assert scraped.value("gateway_message_age_seconds_count", **version) == 2.0
    assert scraped.value("gateway_message_age_seconds_sum", **version) == 90.0


def test_durations_reach_from_5_ms_to_5_min_and_ages_from_10_ms_to_12_h(metrics: Metrics) -> None:
    scraped = Scraped(metrics)
    for name, first, last in (
        ("gateway_delivery_duration_seconds_bucket", 0.005, 300.0),
        ("gateway_message_age_seconds_bucket", 0.01, 43_200.0),
    ):
        edges = sorted({float(labels["le"]) for labels in scraped.labels(name)})
        assert (edges[0], edges[-2], edges[-1]) == (first, last, float("inf"))


def test_settlements_and_their_failures_count_messages_by_action(metrics: Metrics) -> None:
    metrics.observe(Settled("orders", Action.DELETE, 10))
    metrics.observe(Settled("orders", Action.DELETE, 3))
    metrics.observe(SettlementFailed("orders", Action.EXTEND, "throttled", 2))
    scraped = Scraped(metrics)
    assert scraped.value("gateway_settlements_total", route="orders", action="delete") == 13.0
    failures = {"route": "orders", "action": "extend"}
    assert scraped.value("gateway_settlement_failures_total", **failures) == 2.0


def test_a_refused_routing_file_shows_until_one_is_accepted(metrics: Metrics, clock: Clock) -> None:
    accepted_at = clock.now
    clock.now += 100
    metrics.observe(ReloadFailed(1, ("routes.yaml:1: nonsense",)))
    scraped = Scraped(metrics)
    assert scraped.value("gateway_config_last_reload_successful") == 0.0
    assert scraped.value("gateway_config_last_reload_success_timestamp_seconds") == accepted_at
    metrics.observe(Reloaded(1))
    scraped = Scraped(metrics)
    assert scraped.value("gateway_config_last_reload_successful") == 1.0
    assert scraped.value("gateway_config_last_reload_success_timestamp_seconds") == clock.now


@pytest.mark.parametrize(
    "event",
    [
        AttributesDropped("orders", "m-1", ("a",)),
        DeliveryCrashed("orders", "m-1", ValueError()),
        PhaseChanged("orders", Phase.FAILED, "gone"),
        decided(THIRD),
        decided(STABLE, route="unheard-of"),
        Delivered("orders", "third", "m-1", Outcome.RETRY, Responded(500), 1.0),
        Acked("orders", "third", (1.0,), (1.0,)),
        Received("unheard-of", 1),
        Settled("unheard-of", Action.DELETE),
    ],
)
def test_what_the_routing_table_does_not_name_makes_no_series(
    metrics: Metrics, event: Event
) -> None:
    """So a message, or a route that is still draining, can never add a label value."""
    before = metrics.render()
    metrics.observe(event)
    assert metrics.render() == before


# ---- the routing table in force -----------------------------------------------------------------


def test_every_configured_series_is_there_as_0_from_the_start(metrics: Metrics) -> None:
    scraped = Scraped(metrics)
    for version in ("stable", "canary"):
        labels = {"route": "orders", "version": version}
        for outcome in Outcome:
            assert scraped.value("gateway_deliveries_total", **labels, outcome=outcome) == 0.0
        for reason in set(Reason) - {Reason.FALLBACK, Reason.MIRROR}:
            assert scraped.value("gateway_decisions_total", **labels, reason=reason) == 0.0
        assert scraped.value("gateway_delivery_duration_seconds_count", **labels) == 0.0
        assert scraped.value("gateway_message_age_seconds_count", **labels) == 0.0
    for action in Action:
        assert scraped.value("gateway_settlements_total", route="orders", action=action) == 0.0
        labels = {"route": "orders", "action": action}
        assert scraped.value("gateway_settlement_failures_total", **labels) == 0.0


def test_copies_count_by_outcome_where_a_route_has_a_mirror(metrics: Metrics) -> None:
    name, labels = "gateway_mirrored_total", {"route": "orders", "version": "canary"}
    metrics.observe(Mirrored("orders", "canary", CopyOutcome.SENT))
    assert Scraped(metrics).labels(name) == []
    metrics.observe(TableInForce(table(route({"stable": 1, "canary": 0}, mirror=mirror())), 2))
    metrics.observe(Mirrored("orders", "canary", CopyOutcome.FAILED, 3, "why"))
    scraped = Scraped(metrics)
    assert [scraped.value(name, **labels, outcome=outcome) for outcome in CopyOutcome] == [0, 3, 0]


def test_the_table_sets_weights_and_generation(metrics: Metrics) -> None:
    scraped = Scraped(metrics)
    weights = [
        scraped.value("gateway_split_weight", route="orders", version=version)
        for version in ("stable", "canary")
    ]
    assert weights == [90.0, 10.0]
    assert scraped.value("gateway_config_generation") == 1.0


def test_a_version_that_the_split_leaves_out_weighs_0(metrics: Metrics) -> None:
    metrics.observe(TableInForce(table(route({"stable": 1}, versions=(STABLE, CANARY))), 2))
    assert Scraped(metrics).value("gateway_split_weight", route="orders", version="canary") == 0.0


def test_without_a_split_stable_has_all_the_weight(metrics: Metrics) -> None:
    metrics.observe(TableInForce(table(route(versions=(CANARY, STABLE), stable=STABLE)), 2))
    scraped = Scraped(metrics)
    assert scraped.value("gateway_split_weight", route="orders", version="stable") == 1.0
    assert scraped.value("gateway_split_weight", route="orders", version="canary") == 0.0


def test_a_reload_keeps_counts_and_drops_what_is_gone(metrics: Metrics) -> None:
    metrics.observe(delivered(version="stable"))
    metrics.observe(delivered(version="canary"))
    metrics.observe(TableInForce(table(route({"stable": 100}, versions=(STABLE, THIRD))), 2))
    scraped = Scraped(metrics)
    versions = {labels["version"] for labels in scraped.labels("gateway_deliveries_total")}
    assert versions == {"stable", "third"}
    stable = {"route": "orders", "version": "stable"}
    assert scraped.value("gateway_deliveries_total", **stable, outcome="ack") == 1.0
    assert scraped.value("gateway_delivery_duration_seconds_count", **stable) == 1.0
    assert scraped.value("gateway_split_weight", **stable) == 100.0
    assert scraped.value("gateway_config_generation") == 2.0


def test_counting_goes_on_after_a_reload(metrics: Metrics) -> None:
    metrics.observe(TableInForce(table(), 2))
    metrics.observe(decided(CANARY))
    metrics.observe(delivered(age_seconds=1.0))
    scraped, version = Scraped(metrics), {"route": "orders", "version": "canary"}
    assert scraped.value("gateway_decisions_total", **version, reason="split") == 1.0
    assert scraped.value("gateway_deliveries_total", **version, outcome="ack") == 1.0
    assert scraped.value("gateway_message_age_seconds_count", **version) == 1.0


def test_a_removed_routes_series_are_gone(metrics: Metrics) -> None:
    metrics.observe(TableInForce(table(route(name="payments")), 2))
    assert b"orders" not in metrics.render()[0]


def test_in_flight_is_read_at_each_scrape_and_0_where_nothing_is() -> None:
    now: dict[str, int] = {}
    metrics = Metrics(CollectorRegistry(), read_in_flight=lambda: now)
    metrics.observe(TableInForce(table(), 1))
    assert Scraped(metrics).value("gateway_messages_in_flight", route="orders") == 0.0
    now["orders"] = 12
    now["draining"] = 3
    scraped = Scraped(metrics)
    assert scraped.value("gateway_messages_in_flight", route="orders") == 12.0
    assert scraped.labels("gateway_messages_in_flight") == [{"route": "orders"}]
    del now["orders"]
    assert Scraped(metrics).value("gateway_messages_in_flight", route="orders") == 0.0


def test_deliveries_in_flight_are_read_at_each_scrape_by_version() -> None:
    now = {("orders", "canary"): 3, ("orders", "removed"): 2, ("draining", "stable"): 1}
    metrics = Metrics(CollectorRegistry(), read_deliveries=lambda: now)
    metrics.observe(TableInForce(table(), 1))
    name, scraped = "gateway_deliveries_in_flight", Scraped(metrics)
    assert scraped.value(name, route="orders", version="canary") == 3.0
    assert scraped.value(name, route="orders", version="stable") == 0.0
    assert {each["version"] for each in scraped.labels(name)} == {"stable", "canary"}
    del now["orders", "canary"]
    assert Scraped(metrics).value(name, route="orders", version="canary") == 0.0


def test_limits_and_the_stable_version_follow_the_table(metrics: Metrics) -> None:
    def value(name: str, **labels: str) -> float | None:
        return Scraped(metrics).value(name, route="orders", **labels)

    assert value("gateway_version_stable", version="stable") == 1.0
    assert value("gateway_version_stable", version="canary") == 0.0
    promoted = route(versions=(STABLE, CANARY), stable=CANARY, max_in_flight=7)
    metrics.observe(TableInForce(table(promoted), 2))
    assert value("gateway_version_stable", version="stable") == 0.0
    assert value("gateway_version_stable", version="canary") == 1.0
    assert value("gateway_route_max_in_flight") == 7.0


def test_the_build_is_told_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_REVISION", "4f2a9c1")
    (labels,) = Scraped(Metrics(CollectorRegistry())).labels("gateway_build_info")
    assert (labels["version"], labels["revision"]) == (__version__, "4f2a9c1")
    assert labels["python"] == platform.python_version()
    assert labels["compiled"] in {"true", "false"}
    monkeypatch.delenv("GATEWAY_REVISION")
    (labels,) = Scraped(Metrics(CollectorRegistry())).labels("gateway_build_info")
    assert labels["revision"] == "unknown"


def test_before_any_table_is_in_force_the_scrape_says_so() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.observe(delivered())
    scraped = Scraped(metrics)
    assert scraped.value("gateway_config_generation") == 0.0
    assert scraped.value("gateway_config_last_reload_successful") == 0.0
    assert scraped.labels("gateway_deliveries_total") == []


def test_a_version_name_full_of_quotes_is_still_one_label(metrics: Metrics) -> None:
    from tests.builders import version

    odd = version('v"1\\\n')
    metrics.observe(TableInForce(RoutingTable((route(versions=(odd,)),)), 2))
    assert Scraped(metrics).value("gateway_split_weight", route="orders", version=odd.name) == 1.0


def test_forwarded_messages_without_a_tag_are_counted_for_queues_alone(metrics: Metrics) -> None:
    metrics.observe(TableInForce(table_with_a_queue(), 2))
    metrics.observe(ForwardedUnstamped("orders", "pull"))
    metrics.observe(ForwardedUnstamped("orders", "pull"))
    metrics.observe(ForwardedUnstamped("orders", "canary"))
    name, labels = "gateway_forward_unstamped_total", {"route": "orders", "version": "pull"}
    scraped = Scraped(metrics)
    assert scraped.value(name, **labels) == 2.0
    assert scraped.labels(name) == [labels]


def test_the_depth_of_a_versions_queue_is_there_once_it_is_known(metrics: Metrics) -> None:
    """An unknown depth is no depth of 0."""
    name, labels = "gateway_target_queue_depth", {"route": "orders", "version": "pull"}
    metrics.observe(TableInForce(table_with_a_queue(), 2))
    assert Scraped(metrics).labels(name) == []
    metrics.observe(VersionQueueDepth("orders", "pull", 3))
    assert Scraped(metrics).value(name, **labels) == 3.0
    metrics.observe(VersionQueueDepth("orders", "pull", 0))
    assert Scraped(metrics).value(name, **labels) == 0.0
    metrics.observe(VersionQueueDepth("orders", "pull", None))
    assert Scraped(metrics).labels(name) == []


def test_depths_are_those_of_queues_with_a_max_depth_in_the_table(metrics: Metrics) -> None:
    name, labels = "gateway_target_queue_depth", {"route": "orders", "version": "pull"}
    metrics.observe(TableInForce(table_with_a_queue(), 2))
    metrics.observe(VersionQueueDepth("orders", "pull", 3))
    metrics.observe(VersionQueueDepth("orders", "canary", 3))
    scraped = Scraped(metrics)
    assert scraped.labels(name) == [labels]
    assert scraped.value("gateway_target_queue_max_depth", **labels) == 5000.0

    metrics.observe(TableInForce(table_with_a_queue(max_depth=6000), 3))
    scraped = Scraped(metrics)
    assert scraped.value(name, **labels) == 3.0
    assert scraped.value("gateway_target_queue_max_depth", **labels) == 6000.0

    metrics.observe(TableInForce(table_with_a_queue(max_depth=None), 4))
    metrics.observe(VersionQueueDepth("orders", "pull", 3))
    scraped = Scraped(metrics)
    assert scraped.labels(name) == scraped.labels("gateway_target_queue_max_depth") == []


def _listed(line: str) -> tuple[str, frozenset[str]]:
    name, _, labels = line.rstrip("}").partition("{")
    return name, frozenset(labels.split(",")) if labels else frozenset()
