"""Piece and yardstick in turns: what disturbs the machine disturbs both."""

from __future__ import annotations

import gc
import statistics
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.guard.pieces import Piece

TURNS: Final = 200
BLOCKS: Final = 3
ALLOWED: Final = 1.10
"""A quotient may be so much above its baseline: a loss of 15 % is above it, noise of 4 % is not."""


def quotients(pieces: Sequence[Piece], more_work: float = 0.0) -> list[float]:
    """Return the quotient of each piece, in blocks some time apart: the median counts."""
    blocks = [[quotient(piece, more_work=more_work) for piece in pieces] for _ in range(BLOCKS)]
    return [statistics.median(found) for found in zip(*blocks, strict=True)]


def quotient(piece: Piece, *, turns: int = TURNS, more_work: float = 0.0) -> float:
    """Return what the piece costs as a multiple of its yardstick.

    `more_work` is a planted loss: the piece gets so much more to do.
    """
    least = piece.inputs(piece.messages)
    ours = piece.inputs(round(piece.messages * (1 + more_work)))
    found = []
    with _no_collector():
        for _ in range(turns):
            first = _spent(piece.yardstick, least)
            work = _renewed_and_spent(piece, ours) + _renewed_and_spent(piece, ours)
            found.append(work / (first + _spent(piece.yardstick, least)))
    return statistics.median(found)


def _renewed_and_spent(piece: Piece, inputs: list[Any]) -> int:
    for each in inputs:
        piece.renew(each)
    return _spent(piece.work, inputs)


def _spent(do: Callable[[Any], object], inputs: list[Any]) -> int:
    """Return nanoseconds of this thread: of what it is not running, nothing counts."""
    began = time.thread_time_ns()
    for each in inputs:
        do(each)
    return time.thread_time_ns() - began


@contextmanager
def _no_collector() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
