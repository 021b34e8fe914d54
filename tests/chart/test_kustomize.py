"""The kustomize files of the chain: each folder builds, and all say what the chart says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.demo.mesh.objects import read_mesh, target_of
from tests.chart import wiring
from tests.chart.chain import (
    CHAIN_CHART,
    KUSTOMIZE,
    SERVICES,
    all_problems,
    environment,
    found,
    kustomized,
    only_route,
    rendered_chain,
    routes,
    shares,
    split_weights,
    weights_by_tag,
)
from tests.chart.policy import violations

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.chart.rendering import Object

APPS = [f"app_{name}" for name in SERVICES]
OVERLAYS = sorted(f"overlays/{path.name}" for path in (KUSTOMIZE / "overlays").iterdir())
OF_A_RELEASE = {"helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance"}
ORDERS = [f"gateway.routes[0].{key}" for key in ("name=orders", "queue=orders")] + [
    f"gateway.routes[0].versions.{key}"
    for key in (
        "stable.url=http://b:8080/events",
        "stable.tag=v1",
        "canary.url=http://b1:8080/events",
        "canary.tag=v2",
    )
]
ORDERS.append("gateway.routes[0].fallback.on={unreachable,not_found,unavailable}")


def split(stable: int, canary: int) -> list[str]:
    """Return the `--set` arguments of a split."""
    return [
        *ORDERS,
        *(f"gateway.routes[0].split.{k}" for k in (f"stable={stable}", f"canary={canary}")),
    ]


@pytest.mark.parametrize("folder", [*APPS, "base", "gateway", *OVERLAYS])
def test_every_folder_builds_what_an_api_server_takes(folder: str) -> None:
    objects = kustomized(folder)
    assert all_problems(objects) == []
    assert violations(objects) == []


@pytest.mark.parametrize("folder", APPS)
def test_every_app_is_a_deployment_and_a_service_of_its_name(folder: str) -> None:
    """As the seed of this project has it: each app is applied by itself."""
    objects = kustomized(folder)
    name = folder.removeprefix("app_")
    assert {"Deployment", "Service"} <= {one["kind"] for one in objects}
    assert {one["metadata"]["name"] for one in objects} <= {name, f"chain-{name}"}


@pytest.mark.parametrize("folder", ["base", *OVERLAYS])
def test_all_that_an_object_names_is_there(folder: str) -> None:
    assert wiring.problems(kustomized(folder)) == []


@pytest.mark.parametrize(
    ("folder", "sets"),
    [
        ("base", split(100, 0)),
        ("overlays/canary-10", split(90, 10)),
        ("overlays/by-header", [*split(90, 10), "mesh.by=header"]),
        ("overlays/promoted", split(0, 100)),
    ],
)
def test_chart_and_kustomize_agree(folder: str, sets: Sequence[str]) -> None:
    """Every object, field by field; only labels of a Helm release are left aside."""
    by_helm = rendered_chain(sets=[*sets, "gateway.fullnameOverride=sqs-version-gateway"])
    assert comparable(kustomized(folder)) == comparable(by_helm)


@pytest.mark.parametrize("name", ["second-queue", "queues"])
def test_chart_and_kustomize_agree_on_the_second_hop(name: str) -> None:
    values = CHAIN_CHART / f"values-{name}.yaml"
    by_helm = rendered_chain(values, sets=["gateway.fullnameOverride=sqs-version-gateway"])
    assert comparable(kustomized(f"overlays/{name}")) == comparable(by_helm)


def test_the_trial_has_the_charts_emulator() -> None:
    values = CHAIN_CHART / "values-emulator.yaml"
    sets = ["gateway.fullnameOverride=sqs-version-gateway"]
    by_helm, ours = rendered_chain(values, sets=sets), kustomized("overlays/trial")
    for kind, name in (("Service", "sqs"), ("ConfigMap", "sqs-queues"), ("Deployment", "sqs")):
        assert same(found(ours, kind, name)) == same(found(by_helm, kind, name))
    for name in ("a", "sqs-version-gateway"):
        assert environment(ours, name) == environment(by_helm, name)


@pytest.mark.parametrize("folder", ["base", *sorted({*OVERLAYS} - {"overlays/queues"})])
def test_requests_and_messages_have_the_same_weights(folder: str) -> None:
    """Here they are written twice, in routes.yaml and in a patch, so they could differ."""
    objects = kustomized(folder)
    assert shares(split_weights(objects)) == shares(weights_by_tag(routes(objects)["orders"]))


@pytest.mark.parametrize("folder", ["app_b1", "app_c1"])
def test_a_canary_is_built_and_runs_alone(folder: str) -> None:
    """Nothing that it names is in another folder, its ServiceAccount neither."""
    assert wiring.problems(kustomized(folder)) == []


def test_rolled_back_moves_weights_and_pins_alone() -> None:
    """What is under way in the canary's pods ends there."""
    before, after = kustomized("base"), kustomized("overlays/rolled-back")
    changed = [one["kind"] for one in after if one not in before]
    assert sorted(changed) == ["ConfigMap", "VirtualService"]


def test_canary_removed_takes_the_pods_away_and_nothing_else() -> None:
    before, after = kustomized("overlays/rolled-back"), kustomized("overlays/canary-removed")
    changed = [one for one in after if one not in before]
    assert {one["metadata"]["name"]: one["spec"]["replicas"] for one in changed} == {
        "b1": 0,
        "c1": 0,
    }
    assert not {"b1", "c1"} & read_mesh(after).pods.keys()


@pytest.mark.parametrize("folder", ["overlays/rolled-back", "overlays/canary-removed"])
def test_rolled_back_nothing_leads_to_the_canary(folder: str) -> None:
    objects = kustomized(folder)
    mesh = read_mesh(objects)
    for caller in mesh.pods.values():
        for rule in mesh.seen_by(caller, "b"):
            reached = [one for one in rule.routes if len(rule.routes) == 1 or one["weight"]]
            assert [target_of(one).host for one in reached] == ["b"]
    assert [version.tag for version in only_route(objects).versions] == ["v1"]


def comparable(objects: Iterable[Object]) -> dict[tuple[str, str], Object]:
    """Return objects by kind and name, without what only a Helm release has; no test pod."""
    kept = [one for one in objects if one["kind"] != "Pod"]
    found = {(one["kind"], one["metadata"]["name"]): same(one) for one in kept}
    for (kind, _), one in found.items():
        if kind == "ConfigMap" and "data" in one:
            one["data"] = [str(routes(kept))]  # the same routes in any layout of the text
            one["metadata"].pop("labels", None)  # kustomize's generator has none
    return found


def same(part: Any) -> Any:
    """Return a part of an object without namespace, release labels and empty annotations."""
    if isinstance(part, dict):
        left = part.keys() - OF_A_RELEASE - {"namespace", "canary-chain/queues"}
        inner = {key: same(part[key]) for key in left}
        return {key: value for key, value in inner.items() if value != {}}
    return [same(one) for one in part] if isinstance(part, list) else part
