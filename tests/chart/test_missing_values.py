"""What is missing or null in the values has its default, as after `helm upgrade --reuse-values`.

Then the values are those of the release before: what this chart added is not there.
"""

from __future__ import annotations

import copy
import itertools
import json
import shutil
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.chart import gaps, tools
from tests.chart.rendering import GATEWAY_CHART, RefusedError, render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chart.gaps import Rendered
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
PLACES: Final[list[gaps.Place]] = [(block,) for block in VALUES]
OFF: Final = [(block,) for block in VALUES if block not in ALL_ON]
KEYS: Final = {
    block: list(VALUES[block]) for block in BLOCKS if block not in PASSED_ON and VALUES[block]
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
def render_of(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Render a copy of the chart whose values.yaml is what is given."""
    chart = tmp_path_factory.mktemp("reused") / "chart"
    shutil.copytree(GATEWAY_CHART, chart)

    def rendered(values: dict[str, Any]) -> list[Object]:
        (chart / "values.yaml").write_text(json.dumps(values))
        return render(chart)

    return rendered


@cache
def by_default() -> list[Object]:
    return render(GATEWAY_CHART)


def test_of_two_places_each_has_a_gap_where_the_other_has_none() -> None:
    assert len(gaps.halves(PLACES)) < 20
    for one, other in itertools.permutations(PLACES, 2):
        assert any(one in half and other not in half for half in gaps.halves(PLACES))


def test_a_place_whose_gap_is_felt_is_found_among_others() -> None:
    """With what stands in for helm: it has no default for b, and refuses a null for d."""

    def rendered(values: dict[str, Any]) -> list[Object]:
        if values.get("d", 1) is None:
            raise RefusedError("d: is null")
        return [{"b": values.get("b")}]

    values = dict.fromkeys("abcd", 1)
    places: list[gaps.Place] = [(key,) for key in "abcd"]
    assert gaps.felt(rendered, values, places, gaps.MISSING) == [("b",)]
    assert gaps.felt(rendered, values, places, None) == [("b",), ("d",)]
    assert gaps.felt(rendered, values, [("a",), ("c",)], None) == []


@pytest.mark.parametrize("half", gaps.halves(PLACES))
def test_blocks_that_are_missing_null_or_empty_render_as_their_defaults(
    half: list[gaps.Place], render_of: Rendered
) -> None:
    null = [place for place in half if place != ("routes",)]  # a null there is a list that is none
    empty = [place for place in half if place[0] in BLOCKS]
    for places, gap in ((half, gaps.MISSING), (null, None), (empty, {})):
        assert gaps.felt(render_of, VALUES, places, gap) == [], gap


@pytest.mark.parametrize("at", range(max(map(len, KEYS.values()))))
@pytest.mark.parametrize("gap", [gaps.MISSING, None], ids=["missing", "null"])
def test_keys_that_are_missing_or_null_render_as_their_defaults(
    gap: object, at: int, render_of: Rendered
) -> None:
    """One of each block: its other keys are there. Short blocks begin anew."""
    places = [(block, keys[at % len(keys)]) for block, keys in KEYS.items()]
    assert gaps.felt(render_of, VALUES, places, gap) == []


@pytest.mark.parametrize("half", gaps.halves(OFF))
def test_missing_blocks_are_their_defaults_where_all_the_others_are_switched_on(
    half: list[gaps.Place], render_of: Rendered
) -> None:
    assert gaps.felt(render_of, merged(VALUES, ALL_ON), half, gaps.MISSING) == []


@pytest.mark.parametrize("block", ALL_ON)
def test_a_missing_block_is_its_default_where_all_the_others_are_switched_on(
    block: str, render_of: Rendered
) -> None:
    as_default = merged(VALUES, ALL_ON) | {block: VALUES[block]}
    if block in {"admin", "aws"}:  # the others need what it says
        off = {"keda": {"enabled": False}, "admin": {"protectReads": False}}
        as_default = merged(merged(as_default, off), {"admin": {"protectMetrics": False}})
    assert gaps.felt(render_of, as_default, [(block,)], gaps.MISSING) == []


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
