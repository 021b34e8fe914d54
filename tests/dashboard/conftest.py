"""Chromium, started once for each module of the dashboard, and a gateway's admin port for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dashboard.chromium import Visitor, browser, missing
from tests.dashboard.stage import Stage
from tests.integration.conftest import emulator, new_service, thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from playwright.sync_api import Browser

    from tests.integration.loop_thread import LoopThread

    NewStage = Callable[..., Stage]
    NewVisitor = Callable[..., Visitor]

__all__ = ["emulator", "new_service", "thread"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; tests that need it are skipped by name where there is none.

    For one module: while it lives, its event loop runs in this thread, and no other one can.
    """
    if why := missing():
        pytest.skip(why)
    with browser() as started:
        yield started


@pytest.fixture
def new_visitor(chromium: Browser) -> Iterator[NewVisitor]:
    """Make people at browsers of their own: nothing may go wrong on their pages."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        visitors.append(Visitor(chromium, **options))
        return visitors[-1]

    yield make
    for each in visitors:
        each.leave()


@pytest.fixture
def new_stage(thread: LoopThread) -> Iterator[NewStage]:
    """Make admin ports whose rollouts and events the test gives."""
    stages: list[Stage] = []

    def make(*args: Any, **rest: Any) -> Stage:
        stages.append(Stage(thread, *args, **rest))
        return stages[-1]

    yield make
    for each in stages:
        each.close()


@pytest.fixture
def stage(new_stage: NewStage) -> Stage:
    """One route at step 2 of 4, without a token."""
    return new_stage()
