"""Line ends and blanks that came with a value by accident.

They come from a secret made of a file, or from a line of YAML that was folded.
"""

from __future__ import annotations

from typing import Final

BLANKS: Final = " \t\n\r\v\f\u00a0\u200b\ufeff"


def strip_blanks(value: str) -> str:
    """Return the value without the blanks around it."""
    return value.strip(BLANKS)


def blanks_around(value: str) -> str:
    """Return what kind of blanks is where around a value; empty where there is none."""
    stripped = strip_blanks(value)
    if stripped == value:
        return ""
    at = value.find(stripped)
    before, after = value[:at], value[at + len(stripped) :]
    what = "a line end" if "\n" in before + after or "\r" in before + after else "a blank"
    where = "around it" if before and after else "before it" if before else "at its end"
    return f"{what} {where}"


def blank_inside(value: str) -> str:
    """Return what kind of blank a value has; empty where it has none."""
    if "\n" in value or "\r" in value:
        return "a line end"
    return "a blank" if any(blank in value for blank in BLANKS) else ""
