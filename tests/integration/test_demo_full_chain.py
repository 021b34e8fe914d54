"""`gateway demo --full-chain`: two hops in each of three ways, and an account of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.demo import HOSTILE, Demo, kept_folders

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)


def test_the_full_chain_loses_and_crosses_nothing_in_any_way(tmp_path: Path) -> None:
    """Where Node cannot be had the row of OpenTelemetry says why, and the other two count."""
    with Demo(tmp_path, "--messages", "60", "--full-chain", environment=HOSTILE) as demo:
        status = demo.ended()
        printed = demo.printed()
    assert status == 0, demo.tail()
    numbers = r" +(\d+) +(\d+) +[\d.]+% +(\d+) +(\d+) +(\d+) +(\d+) "
    rows = {
        way: [int(number) for number in found.groups()]
        for way in ("by sender", "OpenTelemetry", "own queues")
        if (found := re.search(rf"^  {way}{numbers}", printed, re.MULTILINE))
    }
    if "OpenTelemetry" not in rows:
        assert "OpenTelemetry  not available: " in printed
    assert {"by sender", "own queues"} <= rows.keys()
    for stable, canary, *defects in rows.values():
        assert stable + canary == 60
        assert canary >= 3  # those that are pinned
        assert defects == [0, 0, 0, 0]
    assert "FAIL" not in printed
    assert demo.logged() == ""
    assert kept_folders(tmp_path) == []


@pytest.mark.parametrize("other", ["--keep-running", "--with-envoy"])
def test_the_full_chain_ends_by_itself_and_has_no_mesh(tmp_path: Path, other: str) -> None:
    with Demo(tmp_path, "--full-chain", other) as demo:
        assert demo.ended() == 2
        assert demo.logged() == "--full-chain: not with --keep-running or --with-envoy\n"
