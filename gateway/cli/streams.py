"""Standard input, output and error, so that no command fails on what its output is connected to."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import nullcontext, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

STDIN: Final = "-"
"""What stands on a command line for standard input."""

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


def opened(file: str) -> AbstractContextManager[BinaryIO]:
    """Return a file of the command line, `-` being stdin; raises OSError."""
    if file != STDIN:
        return Path(file).open("rb")
    if sys.stdin is None:  # a process may be started without one
        raise OSError(errno.EBADF, "stdin is closed")
    return nullcontext(sys.stdin.buffer)


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
