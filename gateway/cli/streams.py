"""Standard output and error, so that no command fails on what its output is connected to."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Final

STANDARD_ERROR: Final = 2


def occupy() -> None:
    """Open nothing in place of a standard stream that is closed.

    A socket would get its number, and libuv aborts the process when it closes such a one.
    Source: `uv__close` in https://github.com/libuv/libuv/blob/v1.x/src/unix/core.c
    """
    while (beyond := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        pass
    os.close(beyond)


def accept_any_text() -> None:
    """Escape what the encoding of a stream does not have, in place of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Write what is still in the buffer; raises OSError, which is too late at the exit."""
    if sys.stdout is not None:
        sys.stdout.flush()


def discard() -> None:
    """Write no more: the reader has gone, as with `| head`, or the disk is full.

    Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # none, or not of a file
            os.dup2(nowhere, stream.fileno())
