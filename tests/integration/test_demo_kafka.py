"""`gateway demo --kafka` as its user runs it: a broker, real processes, real accounts."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.config.checks.sources import kafka_available
from tests.integration.demo import HOSTILE, Demo, kept_folders, listens, paths_of
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not kafka_available(), reason="install sqs-version-gateway[kafka]"),
]


def test_with_kafka_every_order_is_accounted_for_by_its_key(tmp_path: Path) -> None:
    with Demo(tmp_path, "--messages", "200", "--kafka", environment=HOSTILE) as demo:
        status = demo.ended()
        printed = demo.printed()
    assert status == 0, demo.tail()
    paths, split, weights, pinned, totals = zip(*paths_of(printed), strict=True)
    assert (paths, weights) == (("A-B-C-D", "A-B1-C1-D"), ("90", "10"))
    assert (sum(map(int, split)), pinned, sum(map(int, totals))) == (180, ("10", "10"), 200)
    for line in (
        "lost       0",
        "doubled    0",
        "crossed    0",
        "misrouted  0",
        "sticky     0 of 50 keys",
        "order      0 of 50 keys",
        "offsets    all committed",
    ):
        assert f"  ok    {line}" in printed
    assert "gateway    stopped by SIGTERM, exit status 0" in printed
    assert "FAIL" not in printed
    assert demo.logged() == ""
    assert kept_folders(tmp_path) == []


def test_kept_running_with_kafka_it_takes_orders_until_ctrl_c(tmp_path: Path) -> None:
    with Demo(tmp_path, "--messages", "10", "--kafka", "--keep-running") as demo:
        printed = demo.wait_for("Everything keeps running")
        places = dict(re.findall(r"^  (\w+) +(http://\S+)", printed, re.MULTILINE))
        with httpx.Client(trust_env=False, verify=False) as client:
            order, pinned = {"order": "mine", "customer": "me"}, {"version": "v2"}
            taken = client.post(places["A"], json=order, headers=pinned)
            assert taken.status_code == 202
            assert re.fullmatch(r"orders/\d/\d+", taken.json()["message_id"])
            until(lambda: client.get(places["D"] + "/mine").json(), "the order to come to D")
            (seen,) = client.get(places["D"] + "/mine").json()
            assert (seen["path"], seen["version"]) == (["A", "B1", "C1", "D"], "v2")
        demo.signal(signal.SIGINT)
        assert demo.ended() == 0
        assert "gateway    stopped by SIGTERM, exit status 0" in demo.printed()
    assert [name for name, url in places.items() if listens(url)] == []


@pytest.mark.parametrize("other", [["--full-chain"], ["--with-envoy"], ["--scenario", "follow"]])
def test_what_does_not_fit_together_with_kafka_is_refused_with_a_sentence(
    tmp_path: Path, other: list[str]
) -> None:
    with Demo(tmp_path, "--kafka", *other) as demo:
        assert demo.ended() == 2
        assert re.fullmatch(r"--\w+: not with [^\n]*\n", demo.logged())
