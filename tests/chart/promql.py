"""What a PromQL expression asks for, checked against the gateway's own catalogue of metrics."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import yaml

from gateway.adapters.telemetry.metric_definitions import METRIC_DEFINITIONS
from tests.chart import tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TARGET_LABELS: Final = frozenset({"namespace", "job", "instance"})
"""What a scrape by way of a ServiceMonitor adds to every series, of those that we use."""
FOREIGN: Final = {
    "up": frozenset[str](),
    "process_cpu_seconds_total": frozenset[str](),
    "process_resident_memory_bytes": frozenset[str](),
}
"""Metrics that Prometheus and its client library make, of those that we use."""
OF_ROLLOUTS: Final = {
    "gateway_rollout_phase": frozenset({"route", "phase"}),
    "gateway_rollout_step": frozenset({"route"}),
    "gateway_rollout_verdict": frozenset({"route"}),
    "gateway_rollbacks_total": frozenset({"route", "reason"}),
    "gateway_weight_override": frozenset({"route"}),
    "gateway_state_in_trouble": frozenset[str](),
}
"""Metrics of rollouts as they are promised; a definition of the gateway takes their place."""
_SELECTOR: Final = re.compile(
    r"\b([a-z_:][a-z0-9_:]*)\s*(?:\{([^}]*)\}|(?=\s*(?:\[|\)|[-+/<>=!]|$)))"
)
_GROUPING: Final = re.compile(r"\b(?:by|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_RECORDED: Final = re.compile(r"\b\w+:\w+:\w+\b")


def known_metrics() -> dict[str, frozenset[str]]:
    """Return every series name that a scrape of the gateway has, with its labels."""
    known = FOREIGN | OF_ROLLOUTS
    for metric in METRIC_DEFINITIONS:
        labels = frozenset(metric.labels)
        if metric.type == "histogram":
            known[f"{metric.name}_bucket"] = labels | {"le"}
            known[f"{metric.name}_sum"] = known[f"{metric.name}_count"] = labels
        else:
            known[metric.name] = labels
    return known


def mistakes(expression: str, recorded: frozenset[str] = frozenset()) -> list[str]:
    """Return what the expression asks for and the gateway does not have.

    `recorded` are the names of the recording rules that come with it.
    """
    return [*_unknown_metrics(expression, recorded), *_unknown_labels(expression)]


def metrics_in(expression: str) -> list[str]:
    """Return the names of the metrics of an expression; functions and labels are none."""
    bare = _GROUPING.sub(" ", expression)
    return [name for name, _ in _SELECTOR.findall(bare) if "_" in name or name == "up"]


def _unknown_metrics(expression: str, recorded: frozenset[str]) -> Iterator[str]:
    known = known_metrics().keys() | recorded
    found = metrics_in(expression)
    if not found:
        yield f"no metric is asked for: {expression}"
    yield from (f"{name} is no metric of the gateway" for name in found if name not in known)


def _unknown_labels(expression: str) -> Iterator[str]:
    known = known_metrics()
    for name, inside in _SELECTOR.findall(expression):
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))
        extra = asked - TARGET_LABELS - known.get(name, frozenset())
        yield from (f"{name} has no label {label}" for label in sorted(extra))
    everything = frozenset.union(TARGET_LABELS, *known.values())
    for inside in _GROUPING.findall(expression):
        asked = set(re.findall(r"\w+", inside))
        yield from (f"no series has the label {label}" for label in sorted(asked - everything))


def promtool(*arguments: str | Path) -> str:
    """Return what promtool prints; raises AssertionError with it where promtool finds fault."""
    command = [str(tools.promtool()), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def check_cases(folder: Path, groups: dict[str, Any], cases: dict[str, Any]) -> None:
    """Run the cases of alerts on the rules; raises AssertionError with those that fail.

    promtool evaluates every rule of a file at every minute of every case, some of which last for
    20 hours. So each alert has a file of its own, with its cases, its rule and all recordings.
    """
    asked = {name for test in cases["tests"] for name in _alerts_in(test)}
    files = [_cases_of(name, folder, groups, cases) for name in sorted(asked)]
    promtool("test", "rules", *files)


def _cases_of(alert: str, folder: Path, groups: dict[str, Any], cases: dict[str, Any]) -> Path:
    kept = [
        group | {"rules": [rule for rule in group["rules"] if rule.get("alert", alert) == alert]}
        for group in groups["groups"]
    ]
    write_yaml(folder / f"{alert}.rules.yaml", groups | {"groups": [g for g in kept if g["rules"]]})
    tests = [test for test in cases["tests"] if alert in _alerts_in(test)]
    files = {"rule_files": [f"{alert}.rules.yaml"], "tests": tests}
    return write_yaml(folder / f"{alert}.test.yaml", cases | files)


def _alerts_in(test: dict[str, Any]) -> set[str]:
    return {case["alertname"] for case in test["alert_rule_test"]}


def rules_of(groups: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all rules of a `groups:` document."""
    return [rule for group in groups["groups"] for rule in group["rules"]]


def write_yaml(path: Path, content: object) -> Path:
    """Write a value as YAML and return the path."""
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
