"""`python -m gateway demo` as its user runs it: real processes, the real gateway, real accounts."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.integration.demo import HOSTILE, Demo, kept_folders, listens, paths_of
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)


def urls(printed: str) -> dict[str, str]:
    """Return the address of each process that the demo names."""
    return dict(re.findall(r"^  (\w+) +(http://\S+)", printed, re.MULTILINE))


def test_the_demo_accounts_for_every_message_whatever_the_environment(tmp_path: Path) -> None:
    with Demo(tmp_path, "--messages", "100", environment=HOSTILE) as demo:
        status = demo.ended()
        printed = demo.printed()
    assert status == 0, demo.tail()
    paths, split, weights, pinned, totals = zip(*paths_of(printed), strict=True)
    assert (paths, weights) == (("A-B-C-D", "A-B1-C1-D"), ("90", "10"))
    assert (sum(map(int, split)), pinned, sum(map(int, totals))) == (90, ("5", "5"), 100)
    for line in (
        "lost       0",
        "doubled    0",
        "crossed    0",
        "misrouted  0",
        "queue      empty",
    ):
        assert f"  ok    {line}" in printed
    assert "gateway    stopped by SIGTERM, exit status 0" in printed
    assert "FAIL" not in printed
    assert demo.logged() == ""
    assert kept_folders(tmp_path) == []


def test_kept_running_it_takes_orders_until_ctrl_c(tmp_path: Path) -> None:
    with Demo(tmp_path, "--messages", "10", "--keep-running") as demo:
        places = urls(demo.wait_for("Everything keeps running"))
        with httpx.Client(trust_env=False, verify=False) as client:
            pinned = {"version": "v2"}
            taken = client.post(places["A"], json={"order": "mine"}, headers=pinned)
            assert taken.status_code == 202
            until(lambda: client.get(places["D"] + "/mine").json(), "the order to come to D")
            (seen,) = client.get(places["D"] + "/mine").json()
            assert (seen["path"], seen["version"]) == (["A", "B1", "C1", "D"], "v2")
            assert client.get(places["gateway"] + "readyz").status_code == 200
        demo.signal(signal.SIGINT)
        assert demo.ended() == 0
        assert "gateway    stopped by SIGTERM, exit status 0" in demo.printed()
    assert [name for name, url in places.items() if listens(url)] == []


def test_ctrl_c_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    with Demo(tmp_path, "--messages", "100000") as demo:
        places = urls(demo.wait_for("remembers the path"))
        demo.signal(signal.SIGINT)
        assert demo.ended() == 130
        assert "stopped: every process of the demo has ended" in demo.printed()
        assert demo.logged() == ""
    assert [name for name, url in places.items() if listens(url)] == []
    assert kept_folders(tmp_path) == []


def test_ctrl_c_while_it_starts_is_no_error_either(tmp_path: Path) -> None:
    with Demo(tmp_path) as demo:
        demo.wait_for("sqs-version-gateway demo")
        demo.signal(signal.SIGINT)
        assert demo.ended() == 130
        assert demo.logged() == ""


def test_nothing_outlives_a_demo_that_was_killed(tmp_path: Path) -> None:
    with Demo(tmp_path, "--messages", "100000") as demo:
        places = urls(demo.wait_for("remembers the path"))
        demo.kill()
    until(lambda: not any(map(listens, places.values())), "the end of every process")


def test_a_process_that_dies_while_starting_says_its_last_words(tmp_path: Path) -> None:
    """A module in the current folder is found first: this one stands in for the emulator."""
    (tmp_path / "ministack.py").write_text("print('no SQS today')\nraise SystemExit(3)\n", "utf-8")
    with Demo(tmp_path) as demo:
        assert demo.ended() == 1
        assert "FAIL: SQS ended by itself (exit status 3)\n  | no SQS today\n" in demo.printed()
        assert demo.logged() == ""
    (kept,) = kept_folders(tmp_path)
    assert (kept / "SQS.log").read_text("utf-8") == "no SQS today\n"
    assert str(kept) in demo.printed()
