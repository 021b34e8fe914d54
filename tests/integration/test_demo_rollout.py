"""`gateway demo --scenario ...` as its user runs it, with fewer messages and higher steps."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.demo import HOSTILE, Demo, kept_folders, listens
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)

IN_TIME = {"rollback", "evidence", "moved", "abort"}
"""The checks that hold seconds to a limit: a machine under a whole suite may take longer."""


def failed(printed: str) -> set[str]:
    """Return the names of the checks that failed."""
    return set(re.findall(r"^  FAIL  (\w+)", printed, re.MULTILINE))


def urls(printed: str) -> list[str]:
    """Return the addresses that the demo names."""
    return re.findall(r"^  \w.* (http://[\d.:]+)/", printed, re.MULTILINE)


@pytest.mark.parametrize("scenario", ["bad-canary", "slow-canary"])
def test_a_bad_canary_is_rolled_back_and_nothing_is_lost(tmp_path: Path, scenario: str) -> None:
    options = ("--steps", "5,50,100", "--messages", "1500", "--rate", "200")
    with Demo(tmp_path, "--scenario", scenario, *options, environment=HOSTILE) as demo:
        status = demo.ended()
        printed = demo.printed()
    assert failed(printed) <= IN_TIME, printed
    assert status == (1 if failed(printed) else 0)
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
    assert [url for url in urls(printed) if listens(url)] == []


def test_a_good_canary_is_promoted_over_a_gateway_that_is_killed(tmp_path: Path) -> None:
    options = ("--steps", "20,50,100", "--messages", "600", "--rate", "150")
    with Demo(tmp_path, "--scenario", "good-canary", *options, environment=HOSTILE) as demo:
        status = demo.ended()
        printed = demo.printed()
    assert (status, failed(printed)) == (0, set()), printed
    for line in (
        "promoted   by the steps 20 %, 50 %, 100 %",
        "resumed    kill -9 while promoted at 100 % (step 2), back ",
        "lost       0 of ",
        "metric     gateway_rollbacks_total is 0 over both",
    ):
        assert f"  ok    {line}" in printed
    assert printed.count("  ok    resumed    kill -9 while ") == 2
    assert demo.logged() == ""
    assert kept_folders(tmp_path) == []


def test_the_queue_moves_with_a_virtual_service_and_an_abort_in_it(tmp_path: Path) -> None:
    options = ("--steps", "20,60", "--messages", "600", "--rate", "150")
    with Demo(tmp_path, "--scenario", "follow", *options, environment=HOSTILE) as demo:
        status = demo.ended()
        printed = demo.printed()
    assert failed(printed) <= IN_TIME, printed
    assert status == (1 if failed(printed) else 0)
    rows = re.findall(r"^ +(\d+) % +[\d.]+ +[\d.]+ +[\d,]+ +[\d.]+%", printed, re.MULTILINE)
    assert rows == ["20", "60", "0"]
    for line in (
        "object     VirtualService demo/b is valid on 2 of 2 gateways",
        "lost       0 of ",
        "doubled    0 without cause",
        "queue      empty",
        "gateways   stopped by SIGTERM, exit status 0 and 0",
    ):
        assert f"  ok    {line}" in printed
    assert "abort " in printed
    assert demo.logged() == ""
    assert kept_folders(tmp_path) == []
    assert [url for url in urls(printed) if listens(url)] == []


def test_ctrl_c_in_the_middle_of_a_rollout_leaves_nothing_behind(tmp_path: Path) -> None:
    with Demo(tmp_path, "--scenario", "good-canary", "--rate", "20") as demo:
        printed = demo.wait_for("begin ")
        demo.signal(signal.SIGINT)
        assert demo.ended() == 130
        assert "stopped: every process of the demo has ended" in demo.printed()
        assert demo.logged() == ""
    assert len(urls(printed)) == 4
    until(lambda: not any(map(listens, urls(printed))), "the end of every process")
    assert kept_folders(tmp_path) == []


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
