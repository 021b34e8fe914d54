"""Splits a stream into lines, however long; aiohttp's own reader refuses long ones."""

from __future__ import annotations

from typing import Final

from gateway.adapters.kubernetes.errors import KubernetesError

MAX_LINE: Final = 2 * 1024 * 1024
"""An object has 1.5 MiB at most, the limit of etcd, which keeps it as JSON too. To read this much
takes the event loop some 30 ms; a thread would not help, since the parser keeps Python's lock."""


class LineSplitter:
    """Takes chunks and returns the lines that they complete, without their ends."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max_line = max_line
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, chunk: bytes) -> list[bytes]:
        """Return the complete lines, without empty ones.

        Raises KubernetesError for a line that is too long.
        """
        *complete, rest = chunk.split(b"\n")
        lines = []
        for piece in complete:
            self._keep(piece)
            lines.append(b"".join(self._parts))
            self._parts, self._length = [], 0
        self._keep(rest)
        return [line for line in lines if line.strip()]

    def _keep(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length > self._max_line:
            raise KubernetesError(
                f"an event of a watch is longer than {self._max_line:,} bytes, which is not read"
            )
        if piece:
            self._parts.append(piece)
