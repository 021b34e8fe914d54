"""What the tests of the routing file and the settings share."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("gateway", deadline=None)  # it would measure the machine, not the code
settings.load_profile("gateway")

# Said once, so that pytest-asyncio finds no loop to keep: it would make one, and never close it.
asyncio.set_event_loop(None)

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def everything() -> bytes:
    """The example that has every key."""
    return (ROOT / "config/examples/everything.yaml").read_bytes()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
