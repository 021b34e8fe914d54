"""The tables and plots of docs/explanation/how-a-canary-is-judged.md, from the stored results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.simulation.plot import plot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = Path(__file__).with_name("results.json")
PAGE: Final = ROOT / "docs" / "explanation" / "how-a-canary-is-judged.md"
PLOT: Final = PAGE.with_name("how-a-canary-is-judged.svg")
Results = dict[str, dict[str, Any]]
Row = tuple[str, ...]


def read() -> Results:
    """Return what was found, by the name of the scenario."""
    found: Results = json.loads(RESULTS.read_text("utf-8"))
    return found


def write() -> None:
    """Renew the page and its plot."""
    results = read()
    PAGE.write_text(rendered(PAGE.read_text("utf-8"), results), "utf-8")
    PLOT.write_text(plot(results), "utf-8")


def rendered(page: str, results: Results) -> str:
    """Return the page with each table that stands between its marks."""
    for name, make in TABLES.items():
        begin, end = f"<!-- simulated: {name} -->", f"<!-- end of {name} -->"
        place = re.compile(f"{begin}.*?{end}", re.DOTALL)
        page = place.sub(f"{begin}\n\n{make(results)}\n{end}".replace("\\", r"\\"), page)
    return page


def _group(results: Results, name: str) -> dict[str, dict[str, Any]]:
    first = f"{name}/"
    return {
        key.removeprefix(first): found for key, found in results.items() if key.startswith(first)
    }


def _table(head: Row, rows: list[Row]) -> str:
    if not rows:
        return "Not simulated yet.\n"
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def share(part: int, whole: int) -> str:
    """Return a part of a whole, as both."""
    return f"{part:,} of {whole:,}"


def _ended(results: Results, *groups: str) -> str:
    rows = [
        (
            name.replace("/", ": "),
            share(found["aborted"], found["rollouts"]),
            share(found["held"], found["rollouts"]),
            share(found["promoted"], found["rollouts"]),
        )
        for group in groups
        for name, found in _group(results, group).items()
    ]
    return _table(("base failures", "aborted", "held", "promoted"), rows)


def _traps(results: Results) -> str:
    rows = [
        (
            name.replace("/", ": "),
            share(found["aborted"], found["rollouts"]),
            share(found["held"], found["rollouts"]),
        )
        for name, found in _group(results, "trap").items()
    ]
    return _table(("what", "aborted", "held"), rows)


def _worse(results: Results) -> str:
    rows = [
        (
            name,
            share(found["reached_25"], found["rollouts"]),
            share(found["aborted"], found["rollouts"]),
            f"{found['aborted_median']:,}",
            f"{found['aborted_p99']:,}",
        )
        for name, found in _group(results, "worse").items()
    ]
    return _table(("base failures", "reached 25 %", "aborted", "median", "99 %"), rows)


def _until_abort(group: str, *, after: int = 0) -> Callable[[Results], str]:
    def make(results: Results) -> str:
        rows = [
            (
                *_names(name),
                f"{found['aborted_median'] - after:,}",
                f"{found['aborted_p99'] - after:,}",
                f"{found['aborted_by_40'] / found['rollouts']:.1%}" if not after else "",
            )
            for name, found in _group(results, group).items()
        ]
        head: Row = ("base failures", "weight" if not after else "worse by", "median", "99 %")
        if after:
            return _table(head, [row[:-1] for row in rows])
        return _table((*head, "by the 40th"), rows)

    return make


def _names(name: str) -> Row:
    first, _, second = name.partition("/")
    return first, second


def _sure(results: Results) -> str:
    rows = [
        (*_names(name), f"{found['passed_median']:,}", f"{found['passed_p99']:,}")
        for name, found in _group(results, "sure").items()
    ]
    return _table(("base failures", "weight", "median", "99 %"), rows)


def _small(results: Results) -> str:
    rows = [
        (
            *_names(name),
            share(found["reached_25"], found["rollouts"]),
            share(found["promoted"], found["rollouts"]),
        )
        for name, found in _group(results, "small").items()
    ]
    return _table(("base failures", "worse by", "reached 25 %", "promoted"), rows)


def _others(results: Results) -> str:
    rows = [
        (
            f"{group}: {name}".replace("/", ": "),
            share(found["aborted"], found["rollouts"]),
            f"{found['aborted_median']:,}" if found["aborted"] else "-",
            f"{found['aborted_p99']:,}" if found["aborted"] else "-",
        )
        for group in ("rollback", "replicas")
        for name, found in _group(results, group).items()
    ]
    return _table(("what", "aborted", "median", "99 %"), rows)


def _when(results: Results) -> str:
    days = sorted({found["day"] for found in results.values()})
    return f"{' and '.join(days)}: `make simulate ARGS=--write`, seeds from 0 on in each row.\n"


TABLES: Final[Mapping[str, Callable[[Results], str]]] = {
    "when": _when,
    "equal": lambda results: _ended(results, "equal"),
    "long": lambda results: _ended(results, "long"),
    "worse": _worse,
    "much worse": _until_abort("much worse"),
    "traps": _traps,
    "turns": _until_abort("turns bad", after=1_200),
    "sure": _sure,
    "small": _small,
    "others": _others,
}
