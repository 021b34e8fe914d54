"""A header's value that is the content of a file."""

from __future__ import annotations

import re
from typing import Final

MAX_BYTES: Final = 64 * 1024

_LEGAL = re.compile(rb"[!-~](?:[ \t!-~]*[!-~])?\Z")


def value_of_file(content: bytes) -> str:
    """Return the value; a line end at the end of the file is not part of it.

    Raises ValueError with the problem, which never repeats the content.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES // 1024} KiB")
    value = content.removesuffix(b"\n").removesuffix(b"\r")
    if not value:
        raise ValueError("is empty")
    if not _LEGAL.match(value):
        raise ValueError("is not one line of visible ASCII, with spaces only inside")
    return value.decode("ascii")
