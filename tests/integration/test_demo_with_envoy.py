"""`gateway demo --with-envoy`: messages by the gateway and requests by Envoy, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.demo.mesh.envoy import explain_missing_envoy, find_envoy
from tests.integration.demo import Demo, paths_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)


@pytest.mark.skipif(find_envoy() is None, reason=explain_missing_envoy())
def test_with_envoy_requests_take_the_same_ways_as_messages(tmp_path: Path) -> None:
    """With 900 unpinned of each a false alarm comes once in some 500,000 runs."""
    with Demo(tmp_path, "--messages", "1000", "--with-envoy") as demo:
        status = demo.ended()
        printed = demo.printed()
    assert status == 0, demo.tail()
    paths, split, weights, pinned, _ = zip(*paths_of(printed), strict=True)
    assert (paths, weights) == (("A-B-C-D", "A-B1-C1-D") * 2, ("90", "10") * 2)
    assert [int(a) + int(b) for a, b in (split[:2], split[2:])] == [900, 900]
    assert pinned == ("50",) * 4
    assert printed.count("  ok    crossed    0") == 2
    assert "  ok    alike " in printed
    assert demo.logged() == ""
