"""What all tests share."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Final

import pytest
from hypothesis import settings

# A deadline would measure the machine. Examples are random, so that each run has others; with
# `--hypothesis-profile many` one run has as many as a dozen.
settings.register_profile("gateway", deadline=None, max_examples=40)
settings.register_profile("many", deadline=None, max_examples=500)
settings.load_profile("gateway")

# Said once, so that pytest-asyncio finds no loop to keep: it would make one, and never close it.
asyncio.set_event_loop(None)

LONGEST: Final = ("test_compiled", "test_demo", "test_kafka_rebalances", "test_opentelemetry")
"""How files begin that take half a minute or more, most of it on one core or waiting."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin a run of several workers with the files that take longest, then those of most tests.

    pytest-xdist goes by the number of tests alone: at the end all would wait for a file of two.
    """
    if hasattr(config, "workerinput"):
        tests = Counter(item.path for item in items)
        items.sort(key=lambda item: (not item.path.name.startswith(LONGEST), -tests[item.path]))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(("GATEWAY_", "AWS_"))]:
        monkeypatch.delenv(name)
