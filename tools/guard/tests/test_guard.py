"""The hot path does not get slower unnoticed, and the guard would notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.guard.__main__ import LOSS, OK, UNCOUNTABLE
from tools.guard.pieces import PIECES

ROOT = Path(__file__).parents[3]


def guard(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "tools.guard", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode == UNCOUNTABLE:
        pytest.skip(ended.stdout.strip())
    return ended.returncode, ended.stdout + ended.stderr


def test_no_piece_of_the_hot_path_costs_more_than_it_did() -> None:
    status, told = guard()
    assert status == OK, told


def test_a_planted_loss_of_a_tenth_is_found_in_every_piece() -> None:
    status, told = guard("--plant", "0.1")
    assert status == LOSS, told
    assert told.count("LOSS") == len(PIECES), told
