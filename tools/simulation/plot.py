"""One plot: how many canary messages it takes until one that is 30 points worse is aborted."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

WEIGHTS: Final = (1, 5, 10, 25, 50)
COLOURS: Final = {"0.1 %": "#0f766e", "1 %": "#b45309", "5 %": "#7c3aed"}
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 360, 64, 48, 24, 56
_LEAST, _MOST = 5, 200
_HEAD: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" font-family="system-ui, '
    'sans-serif" font-size="13" role="img" aria-labelledby="title desc">\n'
    '  <title id="title">Canary messages until a canary that fails 30 points more often is '
    "aborted</title>\n"
    '  <desc id="desc">{said}</desc>\n'
    '  <rect width="{w}" height="{h}" rx="10" fill="#ffffff"/>\n'
    '  <text x="{left}" y="26" font-size="14">Canary messages until abort, 30 points worse: '
    "median, and a line to the 99th per cent</text>\n"
)


def plot(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the SVG: the weights side by side, a mark for each ratio of stable's failures."""
    marks, said = [], []
    for place, weight in enumerate(WEIGHTS):
        for at, (base, colour) in enumerate(COLOURS.items()):
            found = results.get(f"much worse/{base}/{weight} %")
            if found is None:
                continue
            median, most = found["aborted_median"], found["aborted_p99"]
            x = _x(place) + (at - 1) * 24
            marks.append(_mark(x, median, most, colour))
            said.append(f"at {weight} % and {base} base failures {median} and {most}")
    lines = [_grid(count) for count in (5, 10, 20, 40, 100, 200)]
    names = [
        f'  <text x="{_x(at):.0f}" y="{_HEIGHT - 34}" text-anchor="middle">{weight} %</text>\n'
        for at, weight in enumerate(WEIGHTS)
    ]
    keys = [
        f'  <circle cx="{_LEFT + 150 * at:.0f}" cy="{_HEIGHT - 14}" r="5" fill="{colour}"/>'
        f'<text x="{_LEFT + 150 * at + 12}" y="{_HEIGHT - 10}">stable fails {base}</text>\n'
        for at, (base, colour) in enumerate(COLOURS.items())
    ]
    head = _HEAD.format(w=_WIDTH, h=_HEIGHT, left=_LEFT, said="; ".join(said))
    return "".join((head, *lines, *names, *keys, *marks, "</svg>\n"))


def _x(place: int) -> float:
    return _LEFT + (place + 0.5) * (_WIDTH - _LEFT - _RIGHT) / len(WEIGHTS)


def _y(count: int) -> float:
    share = log10(max(count, _LEAST) / _LEAST) / log10(_MOST / _LEAST)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _grid(count: int) -> str:
    y = _y(count)
    return (
        f'  <path d="M{_LEFT} {y:.0f}H{_WIDTH - _RIGHT}" stroke="#e2e8f0"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{count}</text>\n'
    )


def _mark(x: float, median: int, most: int, colour: str) -> str:
    low, high = _y(median), _y(most)
    return (
        f'  <path d="M{x:.0f} {low:.0f}V{high:.0f}m-5 0h10" stroke="{colour}" stroke-width="2"/>'
        f'<circle cx="{x:.0f}" cy="{low:.0f}" r="5" fill="{colour}"/>\n'
    )
