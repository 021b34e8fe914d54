"""The routing file as it stands at this moment, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from gateway.config import loader
from gateway.config.problems.findings import WHOLE_FILE
from gateway.config.problems.problem import Problem, ProblemsFound
from gateway.config.watcher import UNREADABLE_DIGEST, content_of

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.core.routing.route import RoutingTable


@dataclass(frozen=True, slots=True)
class Reading:
    """A table, or else problems. `digest` is the content's, UNREADABLE where there is none."""

    digest: str
    table: RoutingTable | None = None
    problems: tuple[str, ...] = ()


def read_again(path: Path) -> Reading:
    """Read and load the file; takes seconds for the largest ones, so call it in a thread."""
    try:
        content = content_of(path)
    except OSError as error:
        why = (error.strerror or "not a path").lower()
        problem = Problem(str(path), None, WHOLE_FILE, f"cannot be read: {why}")
        return Reading(UNREADABLE_DIGEST, problems=(str(problem),))
    digest = sha256(content).hexdigest()
    try:
        return Reading(digest, loader.load(content, str(path)))
    except ProblemsFound as found:
        return Reading(digest, problems=tuple(map(str, found.problems)))
