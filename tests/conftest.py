"""What all tests share."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import settings

# A deadline would measure the machine. Examples are random, so that each run has others; with
# `--hypothesis-profile many` one run has as many as a dozen.
settings.register_profile("gateway", deadline=None, max_examples=40)
settings.register_profile("many", deadline=None, max_examples=500)
settings.load_profile("gateway")

# Said once, so that pytest-asyncio finds no loop to keep: it would make one, and never close it.
asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(("GATEWAY_", "AWS_"))]:
        monkeypatch.delenv(name)
