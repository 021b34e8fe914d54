"""What runs under callgrind: each piece and its yardstick once, warm, with a dump after each.

valgrind --tool=callgrind ... python -m tools.guard.counted LIBRARY [--plant SHARE]
"""

from __future__ import annotations

import argparse
import ctypes
import gc
from typing import TYPE_CHECKING, Any, Final

from tools.guard.pieces import PIECES

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP_ROUNDS: Final = 3
"""The interpreter specializes code that has run a few times, and then leaves it as it is."""


def main() -> None:
    """Count; the dumps are named PIECE.work and PIECE.yardstick."""
    parser = argparse.ArgumentParser()
    parser.add_argument("library", help="counting.c, compiled")
    parser.add_argument("--plant", type=float, default=0.0, help="share of more work")
    asked = parser.parse_args()
    callgrind = ctypes.CDLL(asked.library)
    gc.disable()
    callgrind.start()
    for piece in PIECES:
        planted = round(piece.messages * (1 + asked.plant))
        _count(callgrind, f"{piece.name}.work", piece.work, piece.inputs(planted), piece.renew)
        least = piece.inputs(piece.messages)
        _count(callgrind, f"{piece.name}.yardstick", piece.yardstick, least, lambda _: None)


def _count(
    callgrind: Any,
    name: str,
    do: Callable[[Any], object],
    inputs: list[Any],
    renew: Callable[[Any], None],
) -> None:
    for _ in range(WARM_UP_ROUNDS):
        _all(do, inputs)
        _all(renew, inputs)
    callgrind.zero()
    _all(do, inputs)
    callgrind.dump(name.encode())


def _all(do: Callable[[Any], object], inputs: list[Any]) -> None:
    for each in inputs:
        do(each)


if __name__ == "__main__":
    main()
