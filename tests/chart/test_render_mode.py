"""Kinds of others are rendered where the cluster knows them: a bare cluster takes the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.chart.rendering import API_VERSIONS, GATEWAY_CHART, refusal, render

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS: Final = {
    "ScaledObject": ("keda", "keda.sh/v1alpha1"),
    "ServiceMonitor": ("monitoring.serviceMonitor", "monitoring.coreos.com/v1"),
    "PodMonitor": ("monitoring.podMonitor", "monitoring.coreos.com/v1"),
    "PrometheusRule": ("monitoring.prometheusRule", "monitoring.coreos.com/v1"),
    "MetricTemplate": ("flagger", "flagger.app/v1beta1"),
    "AnalysisTemplate": ("argoRollouts", "argoproj.io/v1alpha1"),
    "ServiceEntry": ("istio.serviceEntry", "networking.istio.io/v1"),
    "AuthorizationPolicy": ("istio.authorizationPolicy", "security.istio.io/v1"),
}
PROMETHEUS: Final = "flagger.prometheus=http://prometheus:9090"
each_kind = pytest.mark.parametrize("kind", KINDS)


def kinds(place: str, *sets: str, versions: Sequence[str] = ()) -> set[str]:
    return {one["kind"] for one in objects(place, *sets, versions=versions)}


def objects(place: str, *sets: str, versions: Sequence[str] = ()) -> list[Any]:
    sets = ("aws.region=eu-west-1", f"{place}.enabled=true", PROMETHEUS, *sets)
    return render(GATEWAY_CHART, sets=sets, versions=versions)


@each_kind
def test_by_default_a_kind_that_is_missing_is_left_out(kind: str) -> None:
    place, group = KINDS[kind]
    assert kind not in kinds(place)
    assert kind in kinds(place, versions=[group])
    assert kind in kinds(place, versions=[group, f"{group}/{kind}"])
    assert kind not in kinds(place, versions=[group, f"{group}/Other"])


@each_kind
def test_it_is_refused_where_it_must_not_be_missing(kind: str) -> None:
    place, group = KINDS[kind]
    sets = ["aws.region=eu-west-1", f"{place}.enabled=true", f"{place}.renderMode=failIfMissing"]
    told = refusal(GATEWAY_CHART, sets=sets, versions=())
    words = f"is failIfMissing, and the cluster does not know the kind {kind} of {group}"
    assert f"{place}.renderMode: {words}" in told
    assert kind in kinds(place, sets[2], versions=API_VERSIONS)


@each_kind
def test_it_is_always_rendered_where_that_is_asked_for(kind: str) -> None:
    place, _ = KINDS[kind]
    assert kind in kinds(place, f"{place}.renderMode=alwaysRender")


def test_without_keda_the_deployment_keeps_its_replicas() -> None:
    """Else it would run one pod, and nothing would ever scale it."""
    for versions, replicas in (((), 2), (API_VERSIONS, None)):
        (found,) = (o for o in objects("keda", versions=versions) if o["kind"] == "Deployment")
        assert found["spec"].get("replicas") == replicas
    assert "TriggerAuthentication" not in kinds("keda")
