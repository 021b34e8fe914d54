"""Headers of a version whose values are in files, read again when they change."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.header_value import MAX_BYTES, value_of_file
from gateway.core.routing.version import HeaderFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOOK_SECONDS: Final = 5.0
"""A delivery looks at the files if the last one did so longer ago."""


def ignore(_header: str, _path: str, _why: str) -> None:
    """Report nothing."""


class HeaderFiles:
    """The headers of a version as they are to be sent now.

    A file that cannot be used is reported once, to `report` (header, path, why), and its last good
    value stays. `missing` names a header that never had one.
    """

    def __init__(
        self,
        headers: Sequence[tuple[str, str | HeaderFile]],
        report: Callable[[str, str, str], None] = ignore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.missing: str | None = None
        self._headers = headers
        self._report = report
        self._clock = clock
        self._values: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._looked_at = float("-inf")

    def due(self) -> bool:
        """Whether it is time to look at the files."""
        return self._clock() - self._looked_at >= LOOK_SECONDS

    def read(self) -> list[tuple[str, str]]:
        """Read the files and return the headers, without one that is missing."""
        self._looked_at = self._clock()
        self.missing = None
        headers = []
        for name, value in self._headers:
            text = self._read(name, value.path) if isinstance(value, HeaderFile) else value
            if text is None:
                self.missing = self.missing or name
            else:
                headers.append((name, text))
        return headers

    def _read(self, name: str, path: str) -> str | None:
        try:
            self._values[name] = value_of_file(_content(path))
        except (OSError, ValueError) as error:
            why = str(getattr(error, "strerror", None) or error).lower()
            if self._failed.get(name) != why:
                self._failed[name] = why
                self._report(name, path, why)
        else:
            self._failed.pop(name, None)
        return self._values.get(name)


def _content(path: str) -> bytes:
    # Non-blocking and regular files only: a pipe may block, a device may have no end.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ValueError("is no regular file")
        return os.read(number, MAX_BYTES + 1)
    finally:
        os.close(number)
