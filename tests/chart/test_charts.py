"""Every chart with its own values and with every value set under ci/: rendered, linted, checked."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from tests.chart import given_routes, golden_renders, policy, promql, rendering, schemas, wiring
from tests.chart.pods import Pods, pods_of
from tests.chart.test_alerts import GROUPS

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.core.routing.route import Route
    from tests.chart.rendering import Object

ALL_CHARTS: Final = sorted(each.parent for each in rendering.CHARTS.glob("*/Chart.yaml"))
MARGIN_SECONDS: Final = 10
"""The pod's grace period (docs/reference/leases-order-stopping.md): max(drain, wait) + 10 s."""


class ValueSet(NamedTuple):
    """A chart and a file of values for it; None: its own values alone."""

    chart: Path
    file: Path | None

    @property
    def name(self) -> str:
        """Return the file's name, without its ending."""
        return self.file.stem if self.file else "values"

    def files(self) -> tuple[Path, ...]:
        """Return the arguments that helm takes."""
        return (self.file,) if self.file else ()


SETS: Final = [
    ValueSet(chart, file) for chart in ALL_CHARTS for file in (None, *rendering.value_sets(chart))
]
each_set = pytest.mark.parametrize(
    "values", SETS, ids=[f"{each.chart.name}-{each.name}" for each in SETS]
)


@cache
def rendered(values: ValueSet) -> list[Object]:
    """Return the objects of a value set; helm is asked once."""
    return rendering.render(values.chart, *values.files())


def routing_files(objects: list[Object]) -> list[str]:
    """Return the routing files of all ConfigMaps."""
    maps = (each for each in objects if each["kind"] == "ConfigMap")
    return [each["data"]["routes.yaml"] for each in maps if "routes.yaml" in each.get("data", {})]


def routes_in(objects: list[Object]) -> list[Route]:
    """Return the routes that the gateway's own loader finds in the ConfigMaps."""
    return [route for text in routing_files(objects) for route in given_routes.load(text)]


def gateways(objects: list[Object]) -> list[Pods]:
    """Return the pods that run the gateway itself."""
    return [
        each
        for each in pods_of(objects)
        if any("--config" in (container.get("args") or ()) for container in each.containers())
    ]


def test_there_are_charts_and_at_least_ten_value_sets() -> None:
    assert rendering.GATEWAY_CHART in ALL_CHARTS
    assert len(rendering.value_sets(rendering.GATEWAY_CHART)) >= 10


@each_set
def test_it_renders_and_lints_without_a_warning(values: ValueSet) -> None:
    assert rendered(values)
    rendering.lint(values.chart, *values.files())


@each_set
def test_an_api_server_takes_every_object(values: ValueSet) -> None:
    assert [problem for each in rendered(values) for problem in schemas.problems(each)] == []


@each_set
def test_what_an_object_names_is_there(values: ValueSet) -> None:
    """Or is named in the value set, which then says that the user makes it."""
    said = (values.file or values.chart / "values.yaml").read_text()
    problems = wiring.problems(rendered(values))
    assert [problem for problem in problems if not _brought_by_user(problem, said)] == []


def _brought_by_user(problem: str, said: str) -> bool:
    _, found, missing = problem.partition("there is no ")
    return bool(found) and missing.partition(" ")[2] in said


@each_set
def test_no_setting_is_privileged(values: ValueSet) -> None:
    assert policy.violations(rendered(values)) == []


@each_set
def test_every_routing_file_loads_and_says_what_the_values_say(values: ValueSet) -> None:
    """Both are read by the gateway's own loader."""
    found = routes_in(rendered(values))
    if not found:
        assert "existingConfigMap" in (values.file or values.chart).read_text()
        return
    meant = given_routes.routing_file([*values.files(), values.chart / "values.yaml"])
    assert found == list(given_routes.load(meant))


@each_set
def test_a_pod_has_time_to_stop_softly(values: ValueSet) -> None:
    waits = [route.wait_seconds for route in routes_in(rendered(values))]
    for pods in gateways(rendered(values)):
        environment = {e["name"]: e.get("value") for c in pods.containers() for e in c["env"]}
        drain = float(environment["GATEWAY_DRAIN_SECONDS"])
        assert pods.spec["terminationGracePeriodSeconds"] >= max(drain, *waits, 0) + MARGIN_SECONDS


@each_set
def test_it_is_what_was_reviewed(values: ValueSet, request: pytest.FixtureRequest) -> None:
    """`make chart ARGS=--renew` after a change; read the difference before you commit it."""
    default = rendered(ValueSet(values.chart, None)) if values.file else None
    text = golden_renders.text_of(values.chart, rendered(values), default)
    path = golden_renders.path_of(values.chart, values.name)
    if request.config.getoption("--renew", default=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path} is missing: make chart ARGS=--renew"
    assert text == path.read_text()


def test_the_templates_know_every_default(request: pytest.FixtureRequest) -> None:
    """Helm shows them no values.yaml; `make chart ARGS=--renew` after a change."""
    chart = rendering.GATEWAY_CHART
    path, text = (
        chart / "files" / "defaults.yaml",
        golden_renders.defaults_of(chart / "values.yaml"),
    )
    if request.config.getoption("--renew", default=False):
        path.write_text(text)
    assert path.read_text() == text


def test_no_golden_render_is_left_over() -> None:
    expected = {golden_renders.path_of(each.chart, each.name) for each in SETS}
    assert set(golden_renders.GOLDEN.glob("*/*.yaml")) == expected


def all_rendered(kind: str) -> list[Object]:
    """Return the objects of that kind of all value sets."""
    return [each for values in SETS for each in rendered(values) if each["kind"] == kind]


def test_the_rendered_rules_are_those_that_pass_the_cases_of_the_alerts(tmp_path: Path) -> None:
    """What is in a PrometheusRule is what test_alerts.py tests, but for the runbooks' address."""
    specs = {json.dumps(each["spec"], sort_keys=True) for each in all_rendered("PrometheusRule")}
    assert json.dumps(GROUPS, sort_keys=True) in specs
    for spec in map(json.loads, specs):
        promql.write_yaml(tmp_path / "rules.yaml", spec)
        promql.promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yaml")
        assert _without_runbooks(spec) == _without_runbooks(copy.deepcopy(GROUPS))


def _without_runbooks(groups: Any) -> Any:
    for rule in promql.rules_of(groups):
        rule.get("annotations", {}).pop("runbook_url", None)
    return groups


def test_an_alert_leads_to_the_runbook_where_people_read_it() -> None:
    """As a path in the repository, or at the address that the values give."""
    links = {
        rule["annotations"]["runbook_url"].replace("#" + rule["alert"].lower(), "")
        for each in all_rendered("PrometheusRule")
        for rule in promql.rules_of(each["spec"])
        if "alert" in rule
    }
    page = "docs/how-to/answer-an-alert.md".removeprefix("docs/")
    assert links == {f"docs/{page}", f"https://git.example.com/team/gateway/blob/main/docs/{page}"}


def test_the_rendered_dashboard_is_the_one_that_was_tested() -> None:
    shown = [
        json.loads(text)
        for each in all_rendered("ConfigMap")
        for name, text in each.get("data", {}).items()
        if name.endswith(".json")
    ]
    file = rendering.GATEWAY_CHART / "files" / "dashboard.json"
    assert shown
    assert all(each == json.loads(file.read_text()) for each in shown)


def test_keda_has_a_trigger_for_every_queue() -> None:
    """In at least one value set; each trigger is for a queue of that set's routes."""
    scaled = [values for values in SETS if _triggers(values)]
    assert scaled
    for values in scaled:
        queues = {trigger["metadata"].get("queueURL", "") for trigger in _triggers(values)}
        names = {route.queue.name for route in routes_in(rendered(values))}
        assert {queue.rpartition("/")[2] for queue in queues} <= names
    assert any(len(_triggers(v)) == len(routes_in(rendered(v))) > 1 for v in scaled)


def _triggers(values: ValueSet) -> list[dict[str, Any]]:
    scalers = [each for each in rendered(values) if each["kind"] == "ScaledObject"]
    triggers = [trigger for each in scalers for trigger in each["spec"]["triggers"]]
    return [trigger for trigger in triggers if trigger["type"] == "aws-sqs-queue"]
