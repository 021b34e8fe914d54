"""The alerts ask for metrics that exist, fire when they should, and lead to what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.chart import promql
from tests.chart.rendering import GATEWAY_CHART, ROOT

if TYPE_CHECKING:
    from pathlib import Path

ALERTS: Final = GATEWAY_CHART / "files" / "alerts.yaml"
CASES_FILE: Final = ROOT / "tests" / "chart" / "alerts.test.yaml"
CASES: Final = yaml.safe_load(CASES_FILE.read_text())
GROUPS: Final = yaml.safe_load(ALERTS.read_text())
RULES: Final = promql.rules_of(GROUPS)
ALERTING: Final = [rule for rule in RULES if "alert" in rule]
RECORDED: Final = frozenset(rule["record"] for rule in RULES if "record" in rule)


def cases_of(alert: str) -> list[bool]:
    """Return for each case of an alert whether it is expected to fire."""
    each = [case for test in CASES["tests"] for case in test["alert_rule_test"]]
    return [bool(case["exp_alerts"]) for case in each if case["alertname"] == alert]


def test_promtool_finds_no_fault_with_the_rules() -> None:
    promql.promtool("check", "rules", "--lint=all", "--lint-fatal", ALERTS)


def test_each_alert_fires_when_it_should_and_not_otherwise(tmp_path: Path) -> None:
    promql.check_cases(tmp_path, GROUPS, CASES)


def test_the_cases_are_for_the_rules_of_the_chart() -> None:
    """So promtool runs them as they are, by the command in their first line."""
    (file,) = CASES["rule_files"]
    assert (CASES_FILE.parent / file).resolve() == ALERTS


@pytest.mark.parametrize("name", [rule["alert"] for rule in ALERTING])
def test_each_alert_has_a_case_that_fires_and_one_that_does_not(name: str) -> None:
    assert {True, False} <= set(cases_of(name))


def test_an_incorrect_case_would_be_found(tmp_path: Path) -> None:
    """Alerts that never fire fail the cases, each its own."""
    deaf = yaml.safe_load(ALERTS.read_text())
    for rule in promql.rules_of(deaf):
        if "alert" in rule:
            rule["expr"] = "vector(0) == 1"
    with pytest.raises(AssertionError) as found:
        promql.check_cases(tmp_path, deaf, CASES)
    failed = set(re.findall(r"alertname: ?(\w+)", str(found.value)))
    assert failed == {rule["alert"] for rule in ALERTING}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_each_rule_asks_for_what_the_gateway_has(rule: dict[str, Any]) -> None:
    assert promql.mistakes(rule["expr"], RECORDED) == []


def test_every_recording_is_used() -> None:
    asked = {name for rule in RULES for name in promql.metrics_in(rule["expr"])}
    assert asked >= RECORDED


@pytest.mark.parametrize("rule", ALERTING, ids=lambda rule: rule["alert"])
def test_each_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    """Its runbook is a section of a page of ours, with the alert's name as its heading."""
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, section = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert rule["alert"] in headings
    assert section == rule["alert"].lower()


def test_the_runbooks_are_about_alerts_that_exist() -> None:
    page = (ROOT / "docs/how-to/answer-an-alert.md").read_text()
    assert re.findall(r"^## (Gateway\w+)$", page, re.MULTILINE) == [r["alert"] for r in ALERTING]


@pytest.mark.parametrize(
    ("expression", "mistake"),
    [
        ("rate(gateway_delivered_total[5m])", "gateway_delivered_total is no metric"),
        ('gateway_messages_in_flight{queue="a"}', "has no label queue"),
        ("sum by (pod_name) (gateway_config_generation)", "the label pod_name"),
        ("gateway_config_generation{route='a'} > 1", "has no label route"),
        ("vector(1)", "no metric is asked for"),
        ("a:b:c / 2", "no metric is asked for"),
        ("gateway_message_age_seconds > 1", "gateway_message_age_seconds is no metric"),
    ],
)
def test_an_expression_that_asks_for_what_is_not_there_is_noticed(
    expression: str, mistake: str
) -> None:
    assert any(mistake in each for each in promql.mistakes(expression))
