"""What the tests of the routing file share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def everything() -> bytes:
    """The example that has every key."""
    return (ROOT / "config/examples/everything.yaml").read_bytes()
