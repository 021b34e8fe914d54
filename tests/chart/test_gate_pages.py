"""The pages for Flagger and Argo Rollouts: their objects are taken, and fit the chart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.config import loader
from tests.chart import analysis, schemas
from tests.chart.chain import routing_text
from tests.chart.rendering import GATEWAY_CHART, render
from tests.chart.test_controllers import AWAY, SAID
from tests.chart.test_how_to_pages import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chart.rendering import Object

PAGES: Final = ("gate-flagger", "gate-argo-rollouts")
HOOK: Final = re.compile(r"http://gateway\.shop:8080/api/flagger/orders/([a-z-]+)")


def objects_on(page: str) -> list[Object]:
    """Return the Kubernetes objects of a page."""
    shown = [block for block in blocks(page, "yaml") if "apiVersion:" in block]
    return [one for block in shown for one in yaml.safe_load_all(block)]


def chart_of(page: str, folder: Path) -> list[Object]:
    """Return what the chart makes of the values of a page."""
    files = [folder / name for name in ("values.yaml", "routes.yaml")]
    for file in files:
        (shown,) = (each for each in blocks(page, "yaml") if each.startswith(f"# {file.name}\n"))
        file.write_text(shown)
    return render(GATEWAY_CHART, *files)


def named(objects: list[Object], kind: str) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def analyses(rollout: Object) -> Iterator[dict[str, Any]]:
    """Yield the analyses of a Rollout, that of the background first."""
    canary = rollout["spec"]["strategy"]["canary"]
    yield canary["analysis"]
    yield from (step["analysis"] for step in canary["steps"] if "analysis" in step)


@pytest.mark.parametrize("page", PAGES)
def test_an_api_server_would_take_each_object(page: str) -> None:
    objects = objects_on(page)
    assert len(objects) >= 2
    assert [problem for one in objects for problem in schemas.problems(one)] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_route_is_on_trial_and_falls_back(page: str, tmp_path: Path) -> None:
    text = routing_text(chart_of(page, tmp_path))
    (route,) = loader.load(text.encode(), "routes.yaml").routes
    assert route.name == "orders"
    assert "rollout:" in text
    assert route.fallback is not None


def test_each_rollout_asks_templates_that_are_there(tmp_path: Path) -> None:
    """With the arguments that they take; the background begins after the revision is known."""
    objects = objects_on("gate-argo-rollouts")
    templates = named([*objects, *chart_of("gate-argo-rollouts", tmp_path)], "AnalysisTemplate")
    rollouts = [one for one in objects if one["kind"] == "Rollout"]
    assert len(rollouts) == 2
    for rollout in rollouts:
        for asked in analyses(rollout):
            for each in asked["templates"]:
                wanted = templates[each["templateName"]]["spec"]["args"]
                assert {one["name"] for one in asked["args"]} == {one["name"] for one in wanted}
        canary = rollout["spec"]["strategy"]["canary"]
        assert canary["steps"][0] == {"setWeight": 0}
        assert canary["analysis"]["startingStep"] == 2


def test_the_revision_is_one_word_everywhere(tmp_path: Path) -> None:
    page = "gate-argo-rollouts"
    shown = set(re.findall(r"\d{4}-\d\d-\d\d\.\d", "".join(blocks(page, "yaml"))))
    assert len(shown) == 1
    (word,) = shown
    (metric,) = named(objects_on(page), "AnalysisTemplate")["gateway-revision"]["spec"]["metrics"]
    asked = metric | {
        "successCondition": metric["successCondition"].replace("{{args.revision}}", word)
    }
    new, old = {"revision": word}, {"revision": ""}
    assert analysis.run(asked, [old] * 120 + [new] * 5) == "Successful"
    assert analysis.run(asked, [new] * 4 + [old] + [new] * 4) == "Running"
    assert analysis.run(asked, [old] * 121) == "Failed"
    assert analysis.run(asked, [AWAY] * 12 + [new] * 5) == "Successful"
    assert word in routing_text(chart_of(page, tmp_path))


def test_each_canary_asks_templates_and_gates_that_are_there(tmp_path: Path) -> None:
    """A check with these bounds lets `pass` and `wait` through, and fails at `abort`."""
    page = "gate-flagger"
    templates = named(chart_of(page, tmp_path), "MetricTemplate")
    canaries = [one for one in objects_on(page) if one["kind"] == "Canary"]
    assert len(canaries) == 2
    for canary in canaries:
        found = canary["spec"]["analysis"]
        for metric in found["metrics"]:
            query = templates[metric["templateRef"]["name"]]["spec"]["query"]
            asked = set(re.findall(r"variables\.(\w+)", query))
            assert asked == metric["templateVariables"].keys()
        bound = found["metrics"][0]["thresholdRange"]["min"]
        assert {word for word, each in SAID.items() if each["value"] >= bound} == {"pass", "wait"}
        for hook in found["webhooks"]:
            matched = HOOK.fullmatch(hook["url"])
            assert matched
            assert matched[1] == hook["type"]


def test_where_requests_do_not_come_the_one_step_waits_for_the_verdict() -> None:
    first, *_ = (one for one in objects_on("gate-flagger") if one["kind"] == "Canary")
    found = first["spec"]["analysis"]
    assert found["stepWeight"] == found["maxWeight"]
    assert "confirm-traffic-increase" in {hook["type"] for hook in found["webhooks"]}
