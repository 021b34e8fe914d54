"""Runs the pieces under valgrind's callgrind and reads what it counted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.guard.pieces import PIECES

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE: Final = Path(__file__).parent
_NAME = re.compile(r"^desc: Trigger: Client Request: (\S+)$", re.MULTILINE)
_TOTAL = re.compile(r"^totals: (\d+)$", re.MULTILINE)


class UncountableError(Exception):
    """Instructions cannot be counted here; `str()` says what is missing."""


def quotients(counted: Mapping[str, int], what: str = "work") -> dict[str, float]:
    """Return, for each piece, the instructions of its work as a multiple of its yardstick's.

    `what` is `work`, or `planted` where more work was planted.
    """
    return {
        piece.name: counted[f"{piece.name}.{what}"] / counted[f"{piece.name}.yardstick"]
        for piece in PIECES
    }


def instructions(planted: float = 0.0) -> dict[str, int]:
    """Return the instructions of each work and yardstick; raises UncountableError.

    Where a share of more work is `planted`, each piece is counted with it as well.
    """
    for program in ("valgrind", "cc"):
        if shutil.which(program) is None:
            raise UncountableError(f"there is no {program} (apt-get install valgrind gcc)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = folder / "counting.so"
        _run(["cc", "-shared", "-fPIC", "-o", str(library), str(HERE / "counting.c")])
        callgrind = [
            "valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
            f"--callgrind-out-file={folder / 'dump'}",
        ]  # fmt: skip
        counted = [sys.executable, "-m", "tools.guard.counted", str(library)]
        _run([*callgrind, *counted, "--plant", str(planted)])
        return dict(_read(path) for path in folder.glob("dump*") if _NAME.search(path.read_text()))


def _read(dump: Path) -> tuple[str, int]:
    text = dump.read_text()
    name, total = _NAME.search(text), _TOTAL.search(text)
    assert name is not None, dump
    assert total is not None, dump
    return name[1], int(total[1])


def _run(command: list[str]) -> None:
    # One seed for the hashes of strings: else dictionaries are laid out anew in each process.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=HERE.parents[1], env=environment, check=False
    )
    if done.returncode:
        raise UncountableError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
