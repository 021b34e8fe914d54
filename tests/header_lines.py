"""Header lines read back: a line that broke, or has no name, is noticed on the way."""

from __future__ import annotations


def pairs(lines: str) -> list[tuple[str, str]]:
    """Return names and values of `name: value` lines, each of them ended by CR LF."""
    *found, rest = lines.split("\r\n")
    assert rest == "", "the last line has no end"
    return [_pair(line) for line in found]


def _pair(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(": ")
    assert colon, f"no header: {line!r}"
    assert "\r" not in line, repr(line)
    assert "\n" not in line, repr(line)
    return name, value
