"""Tables for a person: columns side by side, as many as the terminal is wide. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

GAP: Final = "  "
CUT: Final = "..."
LEAST_LAST: Final = 16
"""The last column goes to a line of its own where fewer characters than this are left for it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; of those that do not fit, the one with the highest `expendable` is left out first.

    0: never left out.
    """

    head: str
    right: bool = False
    expendable: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and the name of its style, which `Paint` knows; empty for none."""

    text: str
    style: str = ""


Paint = Callable[[str, str], str]
"""Returns a text in a style."""


def plain(text: str, _style: str) -> str:
    """Return the text as it is."""
    return text


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    width: int | None = None,
    paint: Paint = plain,
) -> list[str]:
    """Return the lines of a table, each at most `width` wide; None for any width.

    The last column is free text: it is cut first, and goes to a line of its own below the others
    where little room is left.
    """
    shown = _columns_that_fit(columns, rows, width)
    heads = [Cell(columns[at].head, "head") for at in shown]
    lines = [heads, *([row[at] for at in shown] for row in rows)]
    if width is None or _width(columns, rows, shown) <= width:
        return _aligned(columns, shown, lines, width, paint)
    rest = width - _width(columns, rows, shown[:-1]) - len(GAP)
    if rest >= LEAST_LAST:
        return _aligned(columns, shown, lines, width, paint)
    above = _aligned(columns, shown[:-1], lines, width, paint)
    below = [_cut(f"{GAP}{row[-1].text}", width) if row[-1].text else "" for row in rows]
    return [
        above[0],
        *(line for pair in zip(above[1:], below, strict=True) for line in pair if line),
    ]


def _columns_that_fit(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None
) -> list[int]:
    """Return which columns are left once those before the last one fit."""
    shown = list(range(len(columns)))
    while width is not None and _width(columns, rows, shown[:-1]) > width:
        most = max(shown, key=lambda at: columns[at].expendable)
        if not columns[most].expendable:
            break
        shown.remove(most)
    return shown


def _width(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], shown: Sequence[int]) -> int:
    widths = [_width_of(columns[at], [row[at] for row in rows]) for at in shown]
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _width_of(column: Column, cells: Sequence[Cell]) -> int:
    return max(len(column.head), *(len(cell.text) for cell in cells), 0)


def _aligned(
    columns: Sequence[Column],
    shown: Sequence[int],
    lines: Sequence[Sequence[Cell]],
    width: int | None,
    paint: Paint,
) -> list[str]:
    places = range(len(shown))
    widths = [max(len(line[place].text) for line in lines) for place in places]
    aligned = []
    for line in lines:
        left, cells = width, []
        for place in places:
            text = line[place].text
            align = text.rjust if columns[shown[place]].right else text.ljust
            padded = align(widths[place])
            if place == places[-1]:
                padded = padded.rstrip()
            if left is not None:
                padded = _cut(padded, max(left, 0))
                left -= len(padded) + len(GAP)
            cells.append(paint(padded, line[place].style))
        aligned.append(GAP.join(cells).rstrip())
    return aligned


def _cut(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    return text[: max(width - len(CUT), 0)] + CUT[: min(width, len(CUT))]
