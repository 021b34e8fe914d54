"""Reads and replaces a whole file so that a crash leaves the old content or the new one."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.json_fields import TornStateError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 64 * 1024 * 1024


def read_text(path: Path) -> str | None:
    """Return the text of a file, None where there is none; raises TornStateError for all else."""
    try:
        # Non-blocking: opening a pipe would wait until a process writes to it.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TornStateError(f"cannot be read: {_reason(error)}") from None
    try:
        return _decode(_read(number))
    except OSError as error:
        raise TornStateError(f"cannot be read: {_reason(error)}") from None
    finally:
        os.close(number)


def _read(number: int) -> bytes:
    mode = os.fstat(number).st_mode
    if stat.S_ISDIR(mode):
        raise TornStateError("is a folder")
    if not stat.S_ISREG(mode):
        raise TornStateError("is not a regular file")
    with os.fdopen(number, "rb", closefd=False) as file:
        return file.read(MAX_BYTES + 1)


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise TornStateError(f"has more than {MAX_BYTES:,} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise TornStateError("is not UTF-8") from None


def replace_text(path: Path, text: str) -> None:
    """Write a new file, sync it, rename it over the old one and sync the folder.

    Raises OSError. Source: rename(2), fsync(2) on the need to sync the folder too.
    """
    new = path.with_name(f".{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def keep_aside(path: Path) -> None:
    """Keep a torn file as `NAME.torn` too, where the file system has links.

    It stays where it is until a new one takes its place: a missing file would be a fresh state.
    """
    aside = path.with_name(f"{path.name}.torn")
    with suppress(OSError):
        aside.unlink(missing_ok=True)
        aside.hardlink_to(path)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last; raises OSError."""
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that syncs no folders
            raise
    finally:
        os.close(number)


def take_lock(path: Path) -> int:
    """Lock `NAME.lock` for this process, and return its descriptor.

    Raises BlockingIOError where another process has it, or another OSError.
    """
    number = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        raise
    return number


def release_lock(number: int) -> None:
    """Release a lock; its file stays, since another process may have opened it already."""
    with suppress(OSError):
        os.close(number)


def _reason(error: OSError) -> str:
    return (error.strerror or "no file").lower()
