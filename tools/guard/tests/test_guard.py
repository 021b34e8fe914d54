"""The hot path does not get slower unnoticed, and the guard would notice.

One process counts for both: valgrind takes more time to load the code than to count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.guard import __main__ as command
from tools.guard.counting import UncountableError, instructions
from tools.guard.pieces import PIECES

if TYPE_CHECKING:
    from collections.abc import Mapping

PLANTED = 0.1


@pytest.fixture(scope="module")
def counted() -> Mapping[str, int]:
    """What each piece takes, and what it takes with a tenth more work."""
    if command.BUILD not in command.read():
        pytest.skip(f"no baseline for Python {command.BUILD}")
    try:
        return instructions(PLANTED)
    except UncountableError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _counted_once(counted: Mapping[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "instructions", lambda _: counted)


def test_no_piece_of_the_hot_path_costs_more_than_it_did(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main([]) == command.OK, capsys.readouterr().out


def test_a_planted_loss_of_a_tenth_is_found_in_every_piece(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = command.main(["--plant", str(PLANTED)])
    printed = capsys.readouterr().out
    assert status == command.LOSS, printed
    assert printed.count("LOSS") == len(PIECES), printed
