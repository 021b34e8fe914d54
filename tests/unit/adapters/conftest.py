"""What the tests of the adapters share."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_event_loop_by_accident() -> None:
    """Before a sync test looptime asks for the loop; asyncio would make one and nobody close it."""
    asyncio.set_event_loop(None)
