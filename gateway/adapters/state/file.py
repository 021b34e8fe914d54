"""State in a file of this machine, for one gateway."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from gateway.adapters.state.disk import (
    keep_aside,
    read_text,
    release_lock,
    replace_text,
    take_lock,
)
from gateway.adapters.state.memory import MemoryStore
from gateway.core.rollout.json_fields import TornStateError
from gateway.core.rollout.stored import dump_file, load_file
from gateway.state_port import StateError

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.core.rollout.stored import StateFile


class FileStore(MemoryStore):
    """Writes the whole file at each change.

    A torn file stays as it is until the first change, and beside the new one as `NAME.torn` then.
    Until a route has a state of its own again, it is torn, over restarts too.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._lock: int | None = None
        self._is_torn = False
        self._one_writer = threading.Lock()  # a write goes on where its caller is cancelled

    async def open(self) -> None:
        """Lock and read the file; raises StateError where it can never be written."""
        try:
            found = await asyncio.to_thread(self._read)
        except TornStateError as torn:
            self._is_torn = True
            self._tear(f"the state file {self._path}: {torn}")
        else:  # back in the event loop: the state changes in one step for all who read it
            if found is not None:
                self._restore(found)

    async def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            release_lock(self._lock)
            self._lock = None

    def _read(self) -> StateFile | None:
        """Lock the file and return what it says; None where it is not there yet."""
        try:
            self._path = self._path.resolve()  # a link stays one: what it leads to is replaced
            self._lock = take_lock(self._path)
        except BlockingIOError:
            raise self._error("another gateway uses it: each one needs its own") from None
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            raise self._error(getattr(error, "strerror", None) or "links in a circle") from None
        text = read_text(self._path)
        return None if text is None else load_file(text)

    async def _keep(self, content: StateFile) -> None:
        await asyncio.to_thread(self._write, content)

    def _write(self, content: StateFile) -> None:
        with self._one_writer:
            if self._is_torn:
                keep_aside(self._path)
            try:
                replace_text(self._path, dump_file(content))
            except OSError as error:
                raise self._error((error.strerror or "cannot be written").lower()) from error
            self._is_torn = False

    def _error(self, why: str) -> StateError:
        return StateError(f"the state file {self._path}: {why}")
