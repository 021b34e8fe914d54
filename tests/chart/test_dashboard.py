"""The Grafana dashboard asks for metrics that exist, in PromQL that yields something."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from gateway.adapters.telemetry.metric_definitions import METRIC_DEFINITIONS
from gateway.adapters.telemetry.metrics import Metrics
from gateway.core.addresses import parse_queue
from gateway.core.events import TableInForce, VersionQueueDepth
from gateway.core.routing.version import Version
from tests.builders import CANARY, STABLE, route
from tests.chart import promql
from tests.chart.rendering import GATEWAY_CHART
from tests.unit.adapters.fakes import table

if TYPE_CHECKING:
    from pathlib import Path

DASHBOARD: Final = json.loads((GATEWAY_CHART / "files" / "dashboard.json").read_text())
PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES: Final = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
GRAFANA_COLUMNS: Final = 24


def filled_in(expression: str) -> str:
    """Return the expression as Grafana sends it with all variables at All."""
    for name in VARIABLES:
        expression = expression.replace(f"${name}", ".+")
    return expression.replace("$__rate_interval", "5m")


QUERIES: Final = [
    (f"{panel['title']} {target['refId']}", filled_in(target["expr"]))
    for panel in PANELS
    for target in panel["targets"]
]


def series() -> list[dict[str, str]]:
    """Return the series of a gateway's real scrape, counters growing, as promtool reads them."""
    metrics = Metrics(CollectorRegistry())
    pull = Version("pull", "v3", queue=parse_queue("b1"), max_depth=5000)
    metrics.observe(TableInForce(table(route(versions=[STABLE, CANARY, pull])), 1))
    metrics.observe(VersionQueueDepth("orders", "pull", 3))
    found = [{"series": 'up{namespace="shop",job="gateway",instance="a"}', "values": "1x30"}]
    for family in text_string_to_metric_families(metrics.render()[0].decode()):
        grows = family.type != "gauge"
        found += [_series(each.name, each.labels, grows=grows) for each in family.samples]
    scraped = {each["series"].partition("{")[0] for each in found}
    found += [
        _series(name, dict.fromkeys(labels, "orders"), grows=name.endswith("_total"))
        for name, labels in promql.OF_ROLLOUTS.items()
        if name not in scraped
    ]
    found += [
        _series(each.name, dict.fromkeys(each.labels, "orders"), grows=each.type == "counter")
        for each in METRIC_DEFINITIONS
        if each.name.startswith("gateway_kafka_")  # of a route with `kafka`, which needs a broker
    ]
    process = ("process_cpu_seconds_total", "process_resident_memory_bytes")
    return found + [_series(name, {}, grows=True) for name in process]


def _series(name: str, labels: dict[str, str], *, grows: bool) -> dict[str, str]:
    every = {"namespace": "shop", "job": "gateway", "instance": "a"} | labels
    written = ",".join(f"{key}={json.dumps(value)}" for key, value in every.items())
    return {"series": f"{name}{{{written}}}", "values": "0+60x30" if grows else "1x30"}


def show_something(queries: list[tuple[str, str]], folder: Path) -> None:
    """Fail with promtool's words unless each query yields a number on such a gateway."""
    rules = [
        {"alert": f"Query{number}", "expr": f"count(({query}) == ({query})) >= 1"}
        for number, (_, query) in enumerate(queries)
    ]
    expected = [
        {"eval_time": "20m", "alertname": rule["alert"], "exp_alerts": [{}]} for rule in rules
    ]
    promql.write_yaml(folder / "rules.yaml", {"groups": [{"name": "q", "rules": rules}]})
    test = {"interval": "1m", "input_series": series(), "alert_rule_test": expected}
    cases = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    promql.promtool("test", "rules", promql.write_yaml(folder / "cases.yaml", cases))


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_each_query_asks_for_what_the_gateway_has(title: str, query: str) -> None:
    assert promql.mistakes(query) == []


def test_each_query_yields_a_number_on_a_gateway_with_traffic(tmp_path: Path) -> None:
    show_something(QUERIES, tmp_path)


@pytest.mark.parametrize(
    "query",
    [
        'sum(rate(gateway_deliveries_total{outcome="acked"}[5m]))',
        "gateway_messages_in_flight / gateway_config_generation",
        "sum(rate(gateway_deliveries_total[5m])",
    ],
    ids=["a value that no label has", "labels that do not match", "a syntax error"],
)
def test_a_query_that_yields_nothing_would_be_noticed(query: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        show_something([("planted", query)], tmp_path)


def test_the_variables_are_there_and_are_used() -> None:
    """Every query goes to the data source that is chosen, and is narrowed by the variables."""
    assert list(VARIABLES) == ["datasource", "namespace", "job", "route"]
    for panel in PANELS:
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
        for target in panel["targets"]:
            assert "$namespace" in target["expr"]
            assert "$job" in target["expr"]
    narrowed = [panel for panel in PANELS if "$route" in json.dumps(panel["targets"])]
    assert len(narrowed) > len(PANELS) / 2


@pytest.mark.parametrize("name", ["namespace", "job", "route"])
def test_the_variables_ask_for_what_the_gateway_has(name: str) -> None:
    query = VARIABLES[name]["query"]["query"]
    assert query.startswith("label_values(")
    metric, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(", ")
    assert promql.mistakes(metric) == []
    assert label == name


@pytest.mark.parametrize(
    "metric",
    [
        *("gateway_deliveries_total", "gateway_delivery_duration_seconds_bucket"),
        *("gateway_message_age_seconds_bucket", "gateway_messages_in_flight"),
        *("gateway_split_weight", "gateway_decisions_total", "gateway_settlements_total"),
        *("gateway_receives_total", "gateway_config_last_reload_successful"),
        *("gateway_target_queue_depth", *promql.OF_ROLLOUTS),
    ],
)
def test_what_an_operator_looks_for_has_a_panel(metric: str) -> None:
    assert metric in {name for _, query in QUERIES for name in promql.metrics_in(query)}


def test_panels_do_not_lie_on_each_other() -> None:
    taken = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x, y in itertools.product(_span(panel, "x", "w"), _span(panel, "y", "h"))
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < GRAFANA_COLUMNS
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def _span(panel: dict[str, Any], start: str, size: str) -> range:
    place = panel["gridPos"]
    return range(place[start], place[start] + place[size])
