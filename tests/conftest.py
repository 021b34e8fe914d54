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


LONGEST = ("test_compiled", "test_demo_", "test_open_files", "test_groups_in_order")
"""How files begin that take a minute or more, most of it on one core or waiting."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: at the end the other workers would wait for them."""
    items.sort(key=lambda item: not item.path.name.startswith(LONGEST))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(("GATEWAY_", "AWS_"))]:
        monkeypatch.delenv(name)
