"""What the chart gives Flagger and Argo Rollouts: queries and conditions that mean the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.chart import analysis, promql, schemas
from tests.chart.plants import planted
from tests.chart.rendering import GATEWAY_CHART, refusal, render

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chart.rendering import Object

FLAGGER: Final = ("flagger.enabled=true", "flagger.prometheus=http://prometheus.monitoring:9090")
ARGO: Final = ("argoRollouts.enabled=true",)
TOKEN: Final = ("admin.token.secretName=gateway-admin", "admin.protectReads=true")
VARIABLES: Final = {
    "{{ variables.route }}": "orders",
    "{{ variables.version }}": "canary",
    "{{ interval }}": "1m",
}


def made(kind: str, *sets: str) -> dict[str, Object]:
    """Return the objects of a kind by what their name says after the release's."""
    objects = render(GATEWAY_CHART, sets=[*sets, "fullnameOverride=gateway"])
    return {
        one["metadata"]["name"].removeprefix("gateway-"): one
        for one in objects
        if one["kind"] == kind
    }


def query(name: str) -> str:
    """Return a query of Flagger's with its variables filled in."""
    found = str(made("MetricTemplate", *FLAGGER)[name]["spec"]["query"])
    for variable, value in VARIABLES.items():
        found = found.replace(variable, value)
    assert "{{" not in found
    return found


def test_none_of_it_is_there_by_default() -> None:
    assert not made("MetricTemplate")
    assert not made("AnalysisTemplate")


def test_flagger_must_be_told_where_prometheus_is() -> None:
    told = refusal(GATEWAY_CHART, sets=["flagger.enabled=true"])
    assert "flagger.prometheus: is missing, and Flagger asks there for the verdict" in told


@pytest.mark.parametrize("name", ["verdict", "acked"])
def test_a_query_asks_for_what_the_gateway_has(name: str) -> None:
    assert promql.mistakes(query(name)) == []


def verdict(instance: str, values: str, route: str = "orders") -> dict[str, str]:
    labels = f'instance="{instance}",route="{route}"'
    return {"series": f"gateway_rollout_verdict{{{labels}}}", "values": values}


def deliveries(outcome: str, values: str, version: str = "canary") -> dict[str, str]:
    labels = f'route="orders",version="{version}",outcome="{outcome}"'
    return {"series": f"gateway_deliveries_total{{{labels}}}", "values": values}


ASKED: Final[dict[str, tuple[str, list[dict[str, str]], float]]] = {
    "no series": ("verdict", [], 0),
    "another route": ("verdict", [verdict("a", "-1x10", "bills")], 0),
    "NaN": ("verdict", [verdict("a", "NaN NaN NaN NaN NaN NaN")], 0),
    "pass": ("verdict", [verdict("a", "1x10"), verdict("b", "1x10")], 1),
    "wait": ("verdict", [verdict("a", "1x10"), verdict("b", "0x10")], 0),
    "one replica aborts": ("verdict", [verdict("a", "1x10"), verdict("b", "-1x10")], -1),
    "one has no number": ("verdict", [verdict("a", "-1x10"), verdict("b", "NaN NaN NaN NaN")], -1),
    "it was there": ("verdict", [verdict("a", "-1 -1 stale")], 0),
    "never a delivery": ("acked", [], 100),
    "an idle queue": ("acked", [deliveries("ack", "9x10"), deliveries("retry", "1x10")], 100),
    "stable alone is busy": ("acked", [deliveries("retry", "0+6x10", "stable")], 100),
    "all acked": ("acked", [deliveries("ack", "0+6x10")], 100),
    "a quarter not": ("acked", [deliveries("ack", "0+9x10"), deliveries("retry", "0+3x10")], 75),
    "none acked, and no such series": ("acked", [deliveries("retry", "0+6x10")], 0),
    "fallbacks": ("acked", [deliveries("fallback", "0+6x10"), deliveries("ack", "0x10")], 0),
    "a counter that is NaN": ("acked", [deliveries("ack", "NaN NaN NaN NaN NaN NaN")], 100),
}


def test_a_query_yields_one_number_whatever_there_is(tmp_path: Path) -> None:
    """Flagger takes no value and NaN for a failed check, which rolls a canary back."""
    tests = [
        {
            "name": name,
            "interval": "30s",
            "input_series": series,
            "promql_expr_test": [
                {
                    "expr": query(which),
                    "eval_time": "2m",
                    "exp_samples": [{"labels": "{}", "value": value}],
                }
            ],
        }
        for name, (which, series, value) in ASKED.items()
    ]
    cases = {"rule_files": [], "evaluation_interval": "30s", "tests": tests}
    promql.promtool("test", "rules", promql.write_yaml(tmp_path / "cases.yaml", cases))


SAID: Final[dict[str, dict[str, Any]]] = {
    word: {
        "verdict": word,
        "value": value,
        "reason": "132 of 200 messages",
        "failure_ratio": {"canary": 0.0, "stable": 0.001},
        "messages": {"canary": 132, "stable": 2514},
        "chance": 1.0,
    }
    for word, value in {"pass": 1, "wait": 0, "abort": -1}.items()
}
"""The verdict as the gateway responds with it."""
PASS, WAIT, ABORT, AWAY = SAID["pass"], SAID["wait"], SAID["abort"], None


def metric(name: str) -> dict[str, Any]:
    (found,) = made("AnalysisTemplate", *ARGO)[name]["spec"]["metrics"]
    return dict(found)


@pytest.mark.parametrize(
    ("results", "ends"),
    [
        ([PASS], "Successful"),
        ([WAIT] * 360 + [PASS], "Successful"),
        ([WAIT] * 361, "Inconclusive"),
        ([WAIT, WAIT, ABORT], "Failed"),
        ([WAIT] * 5, "Running"),
        ([AWAY] * 12 + [PASS], "Successful"),
        ([AWAY] * 12 + [WAIT] + [AWAY] * 12, "Running"),
        ([AWAY] * 13, "Error"),
    ],
)
def test_a_step_ends_with_the_first_verdict_and_waits_for_it(results: list[Any], ends: str) -> None:
    assert analysis.run(metric("verdict"), results) == ends


@pytest.mark.parametrize(
    ("results", "ends"),
    [
        ([PASS, WAIT] * 500, "Running"),
        ([PASS, WAIT, ABORT], "Failed"),
        ([AWAY] * 12 + [WAIT], "Running"),
        ([AWAY] * 13, "Error"),
    ],
)
def test_in_the_background_an_abort_alone_ends_it(results: list[Any], ends: str) -> None:
    assert analysis.run(metric("verdict-background"), results) == ends


@pytest.mark.parametrize("name", ["verdict", "verdict-background"])
def test_argo_asks_the_gateway_s_service(name: str) -> None:
    template = made("AnalysisTemplate", *ARGO)[name]
    web = template["spec"]["metrics"][0]["provider"]["web"]
    assert web["url"] == "http://gateway.shop.svc:8080/api/routes/{{args.route}}/verdict"
    assert "headers" not in web
    assert template["spec"]["args"] == [{"name": "route"}]
    elsewhere = made("AnalysisTemplate", *ARGO, "argoRollouts.url=https://gateway.example.com/")
    web = elsewhere[name]["spec"]["metrics"][0]["provider"]["web"]
    assert web["url"] == "https://gateway.example.com/api/routes/{{args.route}}/verdict"


@pytest.mark.parametrize("name", ["verdict", "verdict-background"])
def test_argo_brings_the_token_where_reads_are_protected(name: str) -> None:
    spec = made("AnalysisTemplate", *ARGO, *TOKEN)[name]["spec"]
    secret = {"secretKeyRef": {"name": "gateway-admin", "key": "token"}}
    assert spec["args"] == [{"name": "route"}, {"name": "token", "valueFrom": secret}]
    header = {"key": "Authorization", "value": "Bearer {{args.token}}"}
    assert spec["metrics"][0]["provider"]["web"]["headers"] == [header]


PLANTS: Final = [
    (FLAGGER, "MetricTemplate", "verdict", "spec.provider.type", "prom", "provider.type"),
    (FLAGGER, "MetricTemplate", "verdict", "spec.provider.adress", "http://x", "adress"),
    (FLAGGER, "MetricTemplate", "verdict", "spec.query", "", "query"),
    (ARGO, "AnalysisTemplate", "verdict", "spec.metrics.0.interval", "soon", "interval"),
    (ARGO, "AnalysisTemplate", "verdict", "spec.metrics.0.failureLimit", "0", "failureLimit"),
    (ARGO, "AnalysisTemplate", "verdict", "spec.metrics.0.succesCondition", "x", "succesCond"),
    (ARGO, "AnalysisTemplate", "verdict", "spec.metrics", [], "spec.metrics"),
]


@pytest.mark.parametrize(("sets", "kind", "name", "place", "value", "words"), PLANTS)
def test_a_planted_mistake_is_found(
    sets: tuple[str, ...], kind: str, name: str, place: str, value: Any, words: str
) -> None:
    good = made(kind, *sets)[name]
    assert schemas.problems(good) == []
    found = schemas.problems(planted(good, place, value))
    assert any(words in problem for problem in found), found
