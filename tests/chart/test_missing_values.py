"""What is missing or null in the values has its default, as after `helm upgrade --reuse-values`.

Then the values are those of the release before: what this chart added is not there.
"""

from __future__ import annotations

import copy
import shutil
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.chart import tools
from tests.chart.rendering import GATEWAY_CHART, render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chart.rendering import Object

VALUES: Final[dict[str, Any]] = yaml.safe_load((GATEWAY_CHART / "values.yaml").read_text())
BLOCKS: Final = [key for key, value in VALUES.items() if isinstance(value, dict)]
PASSED_ON: Final = ("podSecurityContext", "resources", "securityContext", "strategy")
"""Blocks that Kubernetes gets as they are: of these a missing key is one that somebody took out."""
ALL_ON: Final[dict[str, Any]] = {
    "aws": {"region": "eu-west-1", "podIdentity": True},
    "admin": {"token": {"secretName": "admin"}, "protectReads": True, "protectMetrics": True},
    "keda": {"enabled": True},
    "networkPolicy": {"enabled": True, "allowImds": True, "monitoringNamespace": "monitoring"},
    "istio": {
        "injection": "enabled",
        "serviceEntry": {"enabled": True},
        "authorizationPolicy": {"enabled": True},
    },
    "monitoring": {
        "serviceMonitor": {"enabled": True},
        "podMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboard": {"enabled": True},
    },
}
both_helms = pytest.mark.parametrize("helm", [tools.helm, tools.helm_3], ids=["helm4", "helm3"])


def merged(values: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return values with others over them, as Helm merges."""
    out = copy.deepcopy(values)
    for key, value in more.items():
        inner = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if inner else value
    return out


@pytest.fixture(scope="module")
def render_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], list[Object]]:
    """Render a copy of the chart whose values.yaml is what is given."""
    chart = tmp_path_factory.mktemp("reused") / "chart"
    shutil.copytree(GATEWAY_CHART, chart)

    def rendered(values: Any, **more: Any) -> list[Object]:
        (chart / "values.yaml").write_text(yaml.safe_dump(values))
        return render(chart, **more)

    return rendered


@cache
def by_default() -> list[Object]:
    return render(GATEWAY_CHART)


@pytest.mark.parametrize("block", VALUES)
def test_a_block_that_is_missing_null_or_empty_renders_as_its_default(
    block: str, render_of: Callable[[Any], list[Object]]
) -> None:
    gone = {key: value for key, value in VALUES.items() if key != block}
    assert render_of(gone) == by_default()
    if block != "routes":  # a null there is a list that is none
        assert render_of(gone | {block: None}) == by_default()
    if block in BLOCKS:
        assert render_of(gone | {block: {}}) == by_default()


@pytest.mark.parametrize("block", [block for block in BLOCKS if block not in PASSED_ON])
def test_a_key_that_is_missing_or_null_renders_as_its_default(
    block: str, render_of: Callable[[Any], list[Object]]
) -> None:
    for key in VALUES[block]:
        gone = {name: value for name, value in VALUES[block].items() if name != key}
        assert render_of(VALUES | {block: gone}) == by_default(), key
        assert render_of(VALUES | {block: gone | {key: None}}) == by_default(), key


@pytest.mark.parametrize("block", VALUES)
def test_a_missing_block_is_its_default_where_all_is_switched_on(
    block: str, render_of: Callable[[Any], list[Object]]
) -> None:
    values = merged(VALUES, ALL_ON)
    gone = {key: value for key, value in values.items() if key != block}
    as_default = gone | {block: VALUES[block]}
    if block in {"admin", "aws"}:  # the others need what it says
        as_default, gone = (
            merged(each, {"keda": {"enabled": False}, "admin": {"protectReads": False}})
            for each in (as_default, gone)
        )
        as_default, gone = (
            merged(each, {"admin": {"protectMetrics": False}}) for each in (as_default, gone)
        )
    assert render_of(gone) == render_of(as_default)


@pytest.mark.parametrize("block", PASSED_ON)
@both_helms
def test_a_null_for_a_single_key_of_what_kubernetes_gets_leaves_it_out(
    block: str, helm: Callable[[], Path], tmp_path: Path
) -> None:
    path = tmp_path / "values.yaml"
    for key in VALUES[block]:
        path.write_text(yaml.safe_dump({block: {key: None}}))
        (pod,) = _pods(render(GATEWAY_CHART, path, helm=helm))
        assert key not in _found(pod, block), key


def _pods(objects: list[Object]) -> list[Object]:
    return [one["spec"] for one in objects if one["kind"] == "Deployment"]


def _found(spec: Object, block: str) -> dict[str, Any]:
    pod = spec["template"]["spec"]
    places: dict[str, dict[str, Any]] = {"podSecurityContext": pod["securityContext"]}
    places |= {"strategy": spec["strategy"]}
    return places.get(block) or pod["containers"][0][block]


@both_helms
def test_nulls_of_a_parent_chart_render(helm: Callable[[], Path], tmp_path: Path) -> None:
    """Helm 4.2 passes over them, Helm 3 takes keys out: nothing may depend on it."""
    parent = tmp_path / "parent"
    (parent / "charts").mkdir(parents=True)
    shutil.copytree(GATEWAY_CHART, parent / "charts" / "sqs-version-gateway")
    (parent / "Chart.yaml").write_text("{apiVersion: v2, name: parent, version: 1.0.0}")
    keys: dict[str, Any] = dict.fromkeys(set(VALUES) - {"routes"})
    for values in (keys, {block: dict.fromkeys(VALUES[block]) for block in BLOCKS}):
        (parent / "values.yaml").write_text(yaml.safe_dump({"sqs-version-gateway": values}))
        rendered = render(parent, helm=helm)
        kinds = sorted(one["kind"] for one in rendered)
        assert kinds == sorted(one["kind"] for one in by_default())


@pytest.mark.parametrize(
    "values",
    [
        {"podSecurityContext": {"runAsUser": "", "runAsGroup": "", "fsGroup": ""}},
        {"openshift": "force"},
    ],
    ids=["empty", "openshift"],
)
@both_helms
def test_nothing_has_to_be_null_in_a_parent_chart(
    values: dict[str, Any], helm: Callable[[], Path], tmp_path: Path
) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(values | {"pdb": {"minAvailable": 1}}))
    objects = render(GATEWAY_CHART, path, helm=helm)
    (pod,) = _pods(objects)
    assert pod["template"]["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    (budget,) = (one["spec"] for one in objects if one["kind"] == "PodDisruptionBudget")
    assert budget["minAvailable"] == 1
    assert "maxUnavailable" not in budget


@pytest.mark.parametrize("value", [{"limits": {"memory": ""}}, {"limits": {"memory": None}}])
def test_an_empty_value_of_the_resources_is_left_out(value: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump({"resources": value}))
    (pod,) = _pods(render(GATEWAY_CHART, path))
    assert pod["template"]["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "250m", "memory": "192Mi"}
    }


OPENSHIFT: Final = "security.openshift.io/v1"


@pytest.mark.parametrize(
    ("openshift", "versions", "ids"),
    [
        ("auto", [OPENSHIFT], False),
        ("auto", [], True),
        ("force", [], False),
        ("disabled", [OPENSHIFT], True),
    ],
)
def test_openshift_chooses_ids_itself(openshift: str, versions: list[str], ids: bool) -> None:  # noqa: FBT001 - a table's column
    sets = [f"openshift={openshift}", "securityContext.runAsUser=7"]
    for spec in _specs(render(GATEWAY_CHART, sets=sets, versions=versions)):
        found = spec["securityContext"]
        assert [key in found for key in ("runAsUser", "runAsGroup", "fsGroup")] == [ids] * 3
        assert ("runAsUser" in spec["containers"][0]["securityContext"]) is ids


def _specs(objects: list[Object]) -> list[Object]:
    """Return the gateway's pods and the test's."""
    tests = [one["spec"] for one in objects if one["kind"] == "Pod"]
    return [*(each["template"]["spec"] for each in _pods(objects)), *tests]
