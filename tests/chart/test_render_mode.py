"""Kinds of others are rendered where the cluster knows them: a bare cluster takes the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
PLACES: Final = [place for place, _ in KINDS.values()]
GROUPS: Final = sorted({group for _, group in KINDS.values()})
ALL_ON: Final = (
    "aws.region=eu-west-1",
    "flagger.prometheus=http://prometheus:9090",
    *(f"{place}.enabled=true" for place in PLACES),
)


def kinds(*sets: str, versions: Sequence[str] = ()) -> set[str]:
    """Return those of the kinds that are rendered where all of them are switched on."""
    found = render(GATEWAY_CHART, sets=[*ALL_ON, *sets], versions=versions)
    return {one["kind"] for one in found} & KINDS.keys()


def modes(mode: str) -> list[str]:
    return [f"{place}.renderMode={mode}" for place in PLACES]


def test_by_default_kinds_that_are_missing_are_left_out() -> None:
    assert kinds() == set()
    assert kinds(versions=[*GROUPS, *(f"{group}/Other" for group in GROUPS)]) == set()


@pytest.mark.parametrize("group", GROUPS)
def test_the_kinds_of_a_group_are_there_where_the_cluster_says_no_more(group: str) -> None:
    assert kinds(versions=[group]) == {kind for kind, (_, its) in KINDS.items() if its == group}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_there_alone_where_the_cluster_has_no_other(kind: str) -> None:
    _, group = KINDS[kind]
    assert kinds(versions=[group, f"{group}/{kind}"]) == {kind}


def test_kinds_are_refused_where_they_must_not_be_missing() -> None:
    told = refusal(GATEWAY_CHART, sets=[*ALL_ON, *modes("failIfMissing")], versions=())
    for kind, (place, group) in KINDS.items():
        words = f"is failIfMissing, and the cluster does not know the kind {kind} of {group}"
        assert f"{place}.renderMode: {words}" in told
    assert kinds(*modes("failIfMissing"), versions=API_VERSIONS) == KINDS.keys()


def test_kinds_are_always_rendered_where_that_is_asked_for() -> None:
    assert kinds(*modes("alwaysRender")) == KINDS.keys()


def test_without_keda_the_deployment_keeps_its_replicas() -> None:
    """Else it would run one pod, and nothing would ever scale it."""
    for versions, replicas in (((), 2), (API_VERSIONS, None)):
        objects = render(GATEWAY_CHART, sets=ALL_ON, versions=versions)
        (found,) = (one for one in objects if one["kind"] == "Deployment")
        assert found["spec"].get("replicas") == replicas
        there = {one["kind"] for one in objects}
        assert ("TriggerAuthentication" in there) is bool(versions)
