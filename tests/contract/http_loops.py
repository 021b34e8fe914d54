"""The same tests on another event loop."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def on_uvloop(tests: type) -> type:
    """Derive a class whose tests run on uvloop, as the gateway does; `tests` has async ones only.

    The test runner is not asked: its way of choosing a loop holds for a whole folder.
    """
    names = [name for name in dir(tests) if name.startswith("test_")]
    return type(
        f"{tests.__name__}OnUvloop",
        (tests,),
        {name: _on_uvloop(getattr(tests, name)) for name in names},
    )


def _on_uvloop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(test(*args, **kwargs))

    return run
