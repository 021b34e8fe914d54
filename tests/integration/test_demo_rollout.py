"""`gateway demo --scenario ...` as its user runs it, with fewer messages and higher steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.demo import HOSTILE, IN_TIME, Demo, failed_checks, listens, places_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("scenario", ["bad-canary", "slow-canary"])
def test_a_bad_canary_is_rolled_back_and_nothing_is_lost(tmp_path: Path, scenario: str) -> None:
    options = ("--steps", "5,50,100", "--messages", "1500", "--rate", "200")
    with Demo(tmp_path, "--scenario", scenario, *options, environment=HOSTILE) as demo:
        status = demo.ended()
        printed = demo.printed()
    assert failed_checks(printed) <= IN_TIME, printed
    assert status == (1 if failed_checks(printed) else 0)
    assert re.search(r"^ +1 +5 % .* abort +canary \w+", printed, re.MULTILINE), printed
    assert re.search(r"^ +2 +0 % .* retry +B1 is mended$", printed, re.MULTILINE), printed
    for line in (
        "away       0 new messages to the canary while its weight was 0",
        "lost       0 of ",
        "doubled    0 without cause",
        "resumed    kill -9 while aborted at 0 % (step 0), back ",
        "log        1 warnings on a rollback: canary ",
        "metric     gateway_rollbacks_total is 1 over both",
        "queue      empty",
        "gateways   stopped by SIGTERM, exit status 0 and 0",
    ):
        assert f"  ok    {line}" in printed
    assert demo.logged() == ""
    assert [url for url in places_of(printed) if listens(url)] == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--scenario", "bad-canary", "--keep-running"),
            "--scenario: not with --keep-running, --with-envoy, --full-chain or --kafka\n",
        ),
        (("--rate", "5"), "--rate: only with --scenario\n"),
        (("--scenario", "bad-canary", "--rate", "0"), "--rate 0: must be 1 or more\n"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    with Demo(tmp_path, *options) as demo:
        assert demo.ended() == 2
        assert demo.logged() == says


@pytest.mark.parametrize("steps", ["", "x", "0,5", "5,5", "50,5", "5,101"])
def test_steps_that_are_no_rising_weights_are_refused(tmp_path: Path, steps: str) -> None:
    with Demo(tmp_path, "--scenario", "good-canary", "--steps", steps) as demo:
        assert demo.ended() == 2
        assert "argument --steps: invalid" in demo.logged()
