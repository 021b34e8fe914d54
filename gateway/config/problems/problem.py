"""What is wrong with a routing file or a setting, said so that a person can go and mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.config.problems.findings import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `line` counts from 1, None where there is no line to show.

    It reads as one line that a terminal and a log bear, whatever it mentions: a message's own
    words, too, or the name of a file.
    """

    file: str
    line: int | None
    place: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        hint = f" ({self.hint})" if self.hint else ""
        return on_one_line(f"{where}: {self.place}: {self.what}{hint}")


class ProblemsFound(Exception):  # noqa: N818 - a report of problems, not one error
    """Every problem of a file or of the settings at once, in the order to read them in."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
