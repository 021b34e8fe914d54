"""What a stranger wrote neither begins a line nor steers the terminal of whoever reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli.explain import explain_messages
from gateway.config.loader import load
from gateway.config.problems.problem import Problem, ProblemsFound

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "\x1b[2J\x1b]0;x\x07\r\nroutes.yaml:1: ok\u2028\u202e\x9b31m\udc80"
ROUTING = b"routes: [{name: orders, queue: orders, versions: {stable: 'http://b/'}}]"


@pytest.mark.parametrize(
    "raw",
    [
        {"MessageId": "m", "Body": "{}", "MessageAttributes": {HOSTILE: {"DataType": "String"}}},
        {"MessageId": "m", "Body": "{}", "MessageAttributes": {HOSTILE: 1}},
        {"MessageId": HOSTILE, "Body": "{}", "Attributes": {"ApproximateReceiveCount": HOSTILE}},
        {"MessageId": HOSTILE, "Body": HOSTILE},
    ],
)
def test_explain_prints_a_line_for_any_message(
    raw: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Messages of a dead-letter queue are what one explains, and what one should trust least."""
    lines = tmp_path / "messages.jsonl"
    lines.write_text(json.dumps(raw))
    explain_messages(load(ROUTING, "routes.yaml"), "orders", str(lines), None)
    printed = capsys.readouterr()
    (line,) = (printed.out + printed.err).split("\n")[:-1]
    assert line.isprintable()


def test_explain_names_no_route_or_version_unescaped(tmp_path: Path) -> None:
    table = load(ROUTING, "routes.yaml")
    for route, expect in ((HOSTILE, None), ("orders", HOSTILE)):
        with pytest.raises(ProblemsFound) as caught:
            explain_messages(table, route, str(tmp_path / "messages.jsonl"), expect)
        assert str(caught.value).isprintable()


def test_a_problem_is_one_line_even_where_a_file_is_called_to_be_two() -> None:
    problem = Problem(HOSTILE, 1, HOSTILE, HOSTILE, HOSTILE)
    assert str(problem).isprintable()
    assert str(problem).count("x1b[2J") == 4
