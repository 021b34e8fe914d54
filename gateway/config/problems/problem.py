"""A problem of a routing file or a setting, as it is printed: place, problem, hint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.config.problems.findings import to_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Problem:
    """One problem. `line` counts from 1 and is None where there is no line.

    `str()` of it is one printable line, even if it mentions a file name or a part of a message
    with control characters.
    """

    file: str
    line: int | None
    place: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        hint = f" ({self.hint})" if self.hint else ""
        return to_one_line(f"{where}: {self.place}: {self.what}{hint}")


class ProblemsFound(Exception):  # noqa: N818 - a list of problems, not one error
    """Every problem of a file or of the settings, in reading order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
