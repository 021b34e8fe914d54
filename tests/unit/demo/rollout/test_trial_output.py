"""What a person reads of a rollout: ASCII lines, a row for each period, and one last word."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from gateway.demo.addresses import ON_TRIAL, Addresses
from gateway.demo.audit import Share
from gateway.demo.output import Output
from gateway.demo.rollout.checks import Row
from gateway.demo.rollout.output import TrialOutput
from gateway.demo.rollout.plan import PLANS
from gateway.demo.rollout.trial import Change, Period


class Printed:
    """A TrialOutput that prints into `text`."""

    def __init__(self) -> None:
        self._file = io.StringIO()
        console = Console(file=self._file, width=40, highlight=False, emoji=False)
        self.output = TrialOutput(Output(console))

    @property
    def text(self) -> str:
        return self._file.getvalue()


@pytest.fixture
def printed() -> Printed:
    return Printed()


def test_the_picture_says_what_is_wrong_with_the_canary_and_where_to_look(printed: Printed) -> None:
    printed.output.environment(Addresses({**ON_TRIAL, "B1": 40_001}), PLANS["bad-canary"])
    assert "B1 fails 30% of its messages with status 500" in printed.text
    assert "Steps: 1, 5, 25, 50, 100 %" in printed.text
    assert "http://127.0.0.1:40001/seen?from=0 (18112 is taken)" in printed.text
    assert printed.text.isascii()


def test_a_change_says_who_did_what_and_why(printed: Printed) -> None:
    printed.output.change(Change(0.0, "the demo", "retry", 1, "B1 is mended"))
    assert printed.text == "     0.0 s  retry      1 %  by the demo: B1 is mended\n"


def test_each_stage_is_a_row(printed: Printed) -> None:
    rows = [
        Row(Period(1, 1, 0, 8, "abort", "x" * 80), 8.0, 2_210, 20, 4, Share("v2", 19, 2_210, 0.01)),
        Row(Period(2, 0, 8, None, "", ""), 3.1, 0, 0, 0, Share("v2", 0, 0, 0.0)),
    ]
    printed.output.table(rows)
    first, second = [re.split(r" {2,}", line.strip()) for line in printed.text.splitlines()[2:4]]
    assert first == ["1", "1 %", "8.0", "2,210", "0.9%", "20", "4", "abort", "x" * 60]
    assert second == ["2", "0 %", "3.1", "0", "-", "0", "0", "-"]


@pytest.mark.parametrize(
    ("name", "good", "says"),
    [
        ("bad-canary", True, "PASS: the bad canary went to weight 0 by itself"),
        ("good-canary", True, "PASS: the good canary was promoted step by step"),
        ("good-canary", False, "FAIL: not all of this held, see above"),
    ],
)
def test_the_last_line_says_whether_all_held(
    printed: Printed, name: str, says: str, *, good: bool
) -> None:
    printed.output.end(PLANS[name], good=good)
    assert printed.text == f"\n{says}\n"
