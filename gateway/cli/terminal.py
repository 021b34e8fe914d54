"""Whether stdout is a terminal, how wide it is, and colours for it."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Final

from gateway.cli.table import plain

if TYPE_CHECKING:
    from gateway.cli.table import Paint

ESCAPE: Final = "\x1b["
CODES: Final = {"head": "1", "good": "32", "attention": "33", "bad": "1;31"}
CLEAR: Final = f"{ESCAPE}2J"
HOME: Final = f"{ESCAPE}H"
CLEAR_LINE: Final = f"{ESCAPE}K"
CLEAR_BELOW: Final = f"{ESCAPE}J"


def is_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def width_of_stdout() -> int | None:
    """Return the terminal's width; None where stdout is none, so that nothing is cut."""
    return shutil.get_terminal_size().columns if is_terminal() else None


def paint_for_stdout() -> Paint:
    """Return what gives texts their style: nothing does where colours are not wanted.

    Source: https://no-color.org
    """
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return _paint if wanted and is_terminal() else plain


def redrawn(text: str) -> str:
    """Return what draws the lines over those of before, without a flash, from the top on."""
    lines = text.splitlines()[: shutil.get_terminal_size().lines - 1]
    return HOME + "".join(f"{line}{CLEAR_LINE}\n" for line in lines) + CLEAR_BELOW


def _paint(text: str, style: str) -> str:
    code = CODES.get(style)
    return f"{ESCAPE}{code}m{text}{ESCAPE}0m" if code else text
