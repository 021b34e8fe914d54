"""`gateway demo --scenario ...` to its good end, behind an object of the mesh, and until Ctrl-C."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.demo import (
    HOSTILE,
    IN_TIME,
    Demo,
    failed_checks,
    kept_folders,
    listens,
    places_of,
)
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)


def test_a_good_canary_is_promoted_over_a_gateway_that_is_killed(tmp_path: Path) -> None:
    options = ("--steps", "20,50,100", "--messages", "600", "--rate", "150")
    with Demo(tmp_path, "--scenario", "good-canary", *options, environment=HOSTILE) as demo:
        status = demo.ended()
        printed = demo.printed()
    assert (status, failed_checks(printed)) == (0, set()), printed
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
    assert failed_checks(printed) <= IN_TIME, printed
    assert status == (1 if failed_checks(printed) else 0)
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
    assert [url for url in places_of(printed) if listens(url)] == []


def test_ctrl_c_in_the_middle_of_a_rollout_leaves_nothing_behind(tmp_path: Path) -> None:
    with Demo(tmp_path, "--scenario", "good-canary", "--rate", "20") as demo:
        printed = demo.wait_for("begin ")
        demo.signal(signal.SIGINT)
        assert demo.ended() == 130
        assert "stopped: every process of the demo has ended" in demo.printed()
        assert demo.logged() == ""
    assert len(places_of(printed)) == 4
    until(lambda: not any(map(listens, places_of(printed))), "the end of every process")
    assert kept_folders(tmp_path) == []
