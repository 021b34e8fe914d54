"""The pages for workers with Flagger and Argo Rollouts: what they show is taken, and fits."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import yaml

from tests.chart import analysis, promql, schemas
from tests.chart.follow_pages import ARGO, FLAGGER, each_page, only, page_route, shown
from tests.chart.rendering import GATEWAY_CHART, render
from tests.chart.test_controllers import ASKED, VARIABLES
from tests.chart.test_gate_pages import named, objects_on
from tests.chart.test_how_to_pages import HOW_TO, blocks
from tests.integration.children import run_gateway

if TYPE_CHECKING:
    from pathlib import Path


@each_page
def test_an_api_server_takes_each_object(page: str) -> None:
    objects = objects_on(page)
    assert len(objects) >= 5
    assert [problem for each in objects for problem in schemas.problems(each)] == []


def test_the_pods_of_the_rollout_are_pods() -> None:
    """Its selector and template are held to those of a Deployment."""
    rollout = only(ARGO, "Rollout")
    pods = {key: rollout["spec"][key] for key in ("replicas", "selector", "template")}
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": rollout["metadata"]}
    assert schemas.problems({**head, "spec": pods}) == []
    broken = deepcopy(pods)
    broken["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    assert schemas.problems({**head, "spec": broken})


@each_page
def test_the_objects_fit_together(page: str) -> None:
    """Services select the pods and lead to their port; the urls are those of the destinations."""
    objects = objects_on(page)
    workload = only(page, "Deployment" if page == FLAGGER else "Rollout")["spec"]
    labels = workload["template"]["metadata"]["labels"]
    (container,) = workload["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert workload["selector"]["matchLabels"] == labels
    services = named(objects, "Service")
    for service in services.values():
        assert service["spec"]["selector"].items() <= labels.items()
        assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    urls = {each.name: each.url for each in page_route(page).versions}
    if page == FLAGGER:
        canary = only(page, "Canary")["spec"]
        assert canary["targetRef"]["name"] == only(page, "Deployment")["metadata"]["name"]
        assert canary["service"]["targetPort"] == port["name"]
        assert canary["service"]["gatewayRefs"][0]["name"] in services
        hosts = {"stable": "b-primary", "canary": "b-canary"}
    else:
        strategy = only(page, "Rollout")["spec"]["strategy"]["canary"]
        hosts = {role: strategy[f"{role}Service"] for role in ("stable", "canary")}
        assert set(hosts.values()) == services.keys()
        (rule,) = only(page, "VirtualService")["spec"]["http"]
        followed = strategy["trafficRouting"]["istio"]["virtualService"]
        assert followed == {"name": "b", "routes": [rule["name"]]}
        assert [each["destination"]["host"] for each in rule["route"]] == list(hosts.values())
    assert urls == {role: f"http://{host}.shop:8080/events" for role, host in hosts.items()}


@each_page
def test_every_routing_file_passes_the_check(page: str, tmp_path: Path) -> None:
    files = [each for each in blocks(page, "yaml") if each.startswith("# routes.yaml")]
    assert len(files) == 3
    for text in files:
        (tmp_path / "routes.yaml").write_text(text)
        done = run_gateway("check", str(tmp_path / "routes.yaml"))
        assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


@each_page
def test_a_rollback_is_all_that_the_second_routing_file_adds(page: str) -> None:
    plain, judged, _ = (
        yaml.safe_load(each)["routes"][0]
        for each in blocks(page, "yaml")
        if each.startswith("# routes.yaml")
    )
    revision = judged.pop("rollback")["revision"]
    assert f"worker=registry.example.com/b:{revision} " in (HOW_TO / f"{page}.md").read_text()
    assert judged == plain


@each_page
def test_the_chart_makes_the_role_of_the_page(page: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("values.yaml", "routes.yaml")]
    for file in files:
        file.write_text(shown(page, file.name))
    rendered = render(GATEWAY_CHART, *files)
    for kind, keys in (("Role", ["rules"]), ("RoleBinding", ["roleRef", "subjects"])):
        made, mine = named(rendered, kind)["gateway-follow"], only(page, kind)
        assert made["metadata"]["namespace"] == mine["metadata"]["namespace"]
        assert {key: made[key] for key in keys} == {key: mine[key] for key in keys}


@each_page
def test_the_query_has_one_value_always(page: str, tmp_path: Path) -> None:
    """The cases of the chart's own template; a canary that acks nothing is at 0."""
    if page == FLAGGER:
        query = only(page, "MetricTemplate")["spec"]["query"]
        variables = VARIABLES
    else:
        (metric,) = only(page, "AnalysisTemplate")["spec"]["metrics"]
        query = metric["provider"]["prometheus"]["query"].replace("[2m]", "[1m]")
        variables = {"{{args.route}}": "orders", "{{args.version}}": "canary"}
    for variable, value in variables.items():
        query = query.replace(variable, value)
    assert "{{" not in query
    assert promql.mistakes(query) == []
    asked = {name: case for name, case in ASKED.items() if case[0] == "acked"}
    assert asked["none acked, and no such series"][2] == 0
    tests = [
        {
            "name": name,
            "interval": "30s",
            "input_series": series,
            "promql_expr_test": [
                {
                    "expr": query,
                    "eval_time": "2m",
                    "exp_samples": [{"labels": "{}", "value": value}],
                }
            ],
        }
        for name, (_, series, value) in asked.items()
    ]
    cases = {"rule_files": [], "evaluation_interval": "30s", "tests": tests}
    promql.promtool("test", "rules", promql.write_yaml(tmp_path / "cases.yaml", cases))


def test_flagger_fills_in_each_variable_of_its_query() -> None:
    query = only(FLAGGER, "MetricTemplate")["spec"]["query"]
    (metric,) = only(FLAGGER, "Canary")["spec"]["analysis"]["metrics"]
    assert set(re.findall(r"variables\.(\w+)", query)) == metric["templateVariables"].keys()
    assert metric["templateRef"]["name"] == only(FLAGGER, "MetricTemplate")["metadata"]["name"]


def test_the_analysis_of_the_rollout_ends_as_the_page_says() -> None:
    (metric,) = only(ARGO, "AnalysisTemplate")["spec"]["metrics"]
    background = only(ARGO, "Rollout")["spec"]["strategy"]["canary"]["analysis"]
    wanted = {each["name"] for each in only(ARGO, "AnalysisTemplate")["spec"]["args"]}
    assert {each["name"] for each in background["args"]} == wanted
    good, bad, none = [100.0], [94.0], None
    assert analysis.run(metric, [good] * 100) == "Running"
    assert analysis.run(metric, [bad] * 3 + [good] * 9) == "Running"
    assert analysis.run(metric, [bad] * 4) == "Failed"
    assert analysis.run(metric, [none] * 10 + [good]) == "Running"
    assert analysis.run(metric, [none] * 11) == "Error"


def strategies(page: str, key: str) -> list[dict[str, Any]]:
    """Return what the page shows to be put in the place of a part of its object."""
    read = [yaml.safe_load(each) for each in blocks(page, "yaml") if "apiVersion" not in each]
    return [each[key] for each in read if key in each]


def test_the_other_strategies_of_flagger_are_taken() -> None:
    canary = only(FLAGGER, "Canary")
    found = strategies(FLAGGER, "analysis")
    assert len(found) == 3
    for one in found:
        kept = {k: v for k, v in canary["spec"]["analysis"].items() if "Weight" not in k}
        changed = {**canary, "spec": {**canary["spec"], "analysis": {**kept, **one}}}
        assert schemas.problems(changed) == []


def test_the_other_steps_of_argo_rollouts_are_taken() -> None:
    rollout = only(ARGO, "Rollout")
    found = strategies(ARGO, "canary")
    assert len(found) == 4
    for one in found:
        changed = deepcopy(rollout)
        changed["spec"]["strategy"]["canary"].update(one)
        assert schemas.problems(changed) == []
    unnamed = deepcopy(rollout)
    unnamed["spec"]["strategy"]["canary"]["steps"] = found[0]["steps"]
    assert any("managedRoutes" in each for each in schemas.problems(unnamed))


def test_explain_takes_the_file_of_the_page(tmp_path: Path) -> None:
    """With what is no VirtualService in it."""
    for name in ("routes.yaml", "mesh.yaml"):
        (tmp_path / name).write_text(shown(ARGO, name))
    (tmp_path / "messages.jsonl").write_text('{"MessageId": "m-1", "Body": "{}"}\n')
    (command,) = re.findall(r"^gateway (explain .*)$", "".join(blocks(ARGO, "sh")), re.MULTILINE)
    words = [str(tmp_path / each) if "." in each else each for each in command.split()]
    done = run_gateway(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"version": "stable"' in done.stdout
