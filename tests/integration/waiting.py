"""Waiting for something to become true, and saying what was waited for when it does not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE_SECONDS: Final = 60.0
"""Far beyond anything a test waits for: only a thing that never happens takes so long."""

_LOOK_AGAIN_SECONDS: Final = 0.02
_SELDOM_SECONDS: Final = 0.1
_LONGER: Final = 1.2
"""Looks cost more than the waiting: what takes a second is looked at ten times a second."""


class NeverHappened(AssertionError):  # noqa: N818 - a test's finding, not a defect of the program
    """What a test waited for did not become true."""


def until(
    look: Callable[[], T],
    what: str,
    patience_seconds: float = PATIENCE_SECONDS,
    *,
    look_again_seconds: float = _LOOK_AGAIN_SECONDS,
) -> T:
    """Return the first answer of `look` that is true; raises NeverHappened with the last one."""
    deadline, pause = time.monotonic() + patience_seconds, look_again_seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise NeverHappened(f"waited {patience_seconds:g} s for {what}; last seen: {seen!r}")
        time.sleep(pause)
        pause = min(pause * _LONGER, max(_SELDOM_SECONDS, look_again_seconds))
    return seen
