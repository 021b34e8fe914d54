"""The gateway against a table of decisions that another implementation computed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.explain import as_json
from gateway.config.file import read
from gateway.core.messages.message import message_from_receive
from gateway.core.routing.decider import decide

if TYPE_CHECKING:
    from gateway.core.routing.route import RoutingTable

HERE = Path(__file__).parent
ROUTES = HERE / "routes.yaml"
REGENERATE = HERE / "regenerate.py"
CASES: list[dict[str, Any]] = [
    json.loads(line) for line in (HERE / "decisions.jsonl").read_text().splitlines()
]


@cache
def table() -> RoutingTable:
    return read(ROUTES)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_the_decision_is_the_one_in_the_table(case: dict[str, Any]) -> None:
    route = table().route(case["route"])
    assert route is not None
    message = message_from_receive(case["message"])
    assert as_json(message, route, decide(message, route)) == case["decision"]


def test_explain_prints_the_same_lines() -> None:
    """All cases of one route, through the command, as a user would."""
    cases = [case for case in CASES if case["route"] == "ruled"]
    command = [sys.executable, "-m", "gateway", "explain", "--config", str(ROUTES)]
    answer = subprocess.run(
        [*command, "--route", "ruled", "--messages", "-"],
        input="\n".join(json.dumps(case["message"]) for case in cases),
        capture_output=True,
        text=True,
        check=True,
    )
    printed = [json.loads(line) for line in answer.stdout.splitlines()]
    assert printed == [case["decision"] for case in cases]


def test_the_table_is_what_the_second_implementation_computes() -> None:
    answer = subprocess.run(
        [sys.executable, REGENERATE, "--check"], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stdout) == (0, "up to date\n"), answer.stderr


def test_the_second_implementation_takes_nothing_from_the_first() -> None:
    """Else the two could be wrong together."""
    imported = set()
    for node in ast.walk(ast.parse(REGENERATE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert not imported & {"gateway", "tests", "importlib", "", "runpy"}


def test_the_table_covers_every_reason_and_both_ways_of_a_split() -> None:
    decisions = [case["decision"] for case in CASES]
    assert len({case["case"] for case in CASES}) == len(CASES) >= 60
    assert {decision["reason"] for decision in decisions} == {
        "pinned", "unknown_version", "rule", "split", "default",
    }  # fmt: skip
    by_bucket = {decision["version"] for decision in decisions if decision["bucket"] is not None}
    assert {"stable", "canary", "blue", "red", "green"} <= by_bucket
