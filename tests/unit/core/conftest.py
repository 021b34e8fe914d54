"""What the tests of the core share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _recursion_limit_of_the_process() -> Iterator[None]:
    """The gateway raises the interpreter's limit so that 1,000 levels of JSON fit below it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(5_000)
    yield
    sys.setrecursionlimit(before)
