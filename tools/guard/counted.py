"""What runs under callgrind: each piece and its yardstick once, warm, with a dump after each.

valgrind --tool=callgrind ... python -m tools.guard.counted LIBRARY [--plant SHARE]
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tools.guard.pieces import PIECES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WARM_UP_ROUNDS: Final = 2
"""The interpreter specializes code that has run a few times, and then leaves it as it is."""


@dataclass(frozen=True)
class Round:
    """Something that is done to each input, and counted by its name."""

    name: str
    do: Callable[[Any], object]
    inputs: list[Any]
    renew: Callable[[Any], None] = lambda _: None

    def warm_up(self) -> None:
        """Do it a few times, and leave the inputs as good as new."""
        for _ in range(WARM_UP_ROUNDS):
            _all(self.do, self.inputs)
            _all(self.renew, self.inputs)

    def count(self, callgrind: Any) -> None:
        """Do it once, and have a dump of what it took."""
        callgrind.zero()
        _all(self.do, self.inputs)
        callgrind.dump(self.name.encode())


def main() -> None:
    """Count; the dumps are named PIECE.work and PIECE.yardstick, and PIECE.planted if asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("library", help="counting.c, compiled")
    parser.add_argument("--plant", type=float, default=0.0, help="count with this more work too")
    asked = parser.parse_args()
    callgrind = ctypes.CDLL(asked.library)
    gc.disable()
    rounds = list(_rounds(asked.plant))
    for each in rounds:
        each.warm_up()
    callgrind.start()  # not before: what is counted runs at a fifth of the speed
    for each in rounds:
        each.count(callgrind)
    os._exit(0)  # tearing the interpreter down would run as slowly


def _rounds(planted: float) -> Iterator[Round]:
    for piece in PIECES:
        inputs = piece.inputs(piece.messages)
        yield Round(f"{piece.name}.work", piece.work, inputs, piece.renew)
        yield Round(f"{piece.name}.yardstick", piece.yardstick, piece.inputs(piece.messages))
        if planted:
            more = piece.inputs(round(piece.messages * (1 + planted)))
            yield Round(f"{piece.name}.planted", piece.work, more, piece.renew)


def _all(do: Callable[[Any], object], inputs: list[Any]) -> None:
    for each in inputs:
        do(each)


if __name__ == "__main__":
    main()
