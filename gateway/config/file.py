"""Opens the routing file. Nothing else does."""

from __future__ import annotations

import stat
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config import loader
from gateway.config.loader import MAX_BYTES
from gateway.config.problems.findings import WHOLE_FILE
from gateway.config.problems.problem import Problem, ProblemsFound
from gateway.ports import Loaded

if TYPE_CHECKING:
    from gateway.config.checks.kafka_settings import Names
    from gateway.core.routing.route import RoutingTable

UNREADABLE_DIGEST: Final = ""
"""Stands for the digest of a file that cannot be read."""


class NotRegularError(OSError):
    """A pipe or a device: it was read to its end when the gateway started."""


def read(path: str | Path, names: Names | None = None) -> RoutingTable:
    """Read and load the file for the first time; it may be a pipe or a device.

    Raises ProblemsFound, also where it cannot be read.
    """
    try:
        content = _content(Path(path))
    except (OSError, ValueError) as error:
        raise ProblemsFound([_unreadable(path, error)]) from None
    return loader.load(content, str(path), names)


def read_again(path: Path, names: Names | None = None) -> Loaded:
    """Read and load the file as it is now; it may take seconds, so call it in a thread."""
    try:
        content = content_of(path)
    except OSError as error:
        return Loaded(UNREADABLE_DIGEST, problems=(str(_unreadable(path, error)),))
    digest = sha256(content).hexdigest()
    try:
        return Loaded(digest, loader.load(content, str(path), names))
    except ProblemsFound as found:
        return Loaded(digest, problems=tuple(map(str, found.problems)))


def content_of(path: Path) -> bytes:
    """Return the content of a regular file, cut behind what a routing file may have.

    Raises OSError, for a pipe too: opening one would wait until a process writes to it.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise NotRegularError(0, "not a regular file, so it cannot be read again")
    return _content(path)


def _content(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)


def _unreadable(path: str | Path, error: Exception) -> Problem:
    why = (getattr(error, "strerror", None) or "not a path").lower()
    return Problem(str(path), None, WHOLE_FILE, f"cannot be read: {why}")
