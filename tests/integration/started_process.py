"""A process watched while it starts: events of its start-up, taken from /proc."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tests.integration.children import Child
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNSHARE: Final = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def may_unshare() -> bool:
    """Whether this machine lets a test have a PID namespace."""
    with suppress(OSError):
        return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    return False


class StartedProcess(Child):
    """`python ARGUMENTS...`, with `as_pid_1` in a PID namespace of its own."""

    forks = False  # its start is what is watched

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        as_pid_1: bool = False,
    ) -> None:
        program = [*UNSHARE, sys.executable] if as_pid_1 else [sys.executable]
        super().__init__(arguments, folder, environment, program=program)
        self._as_pid_1 = as_pid_1

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            until(lambda: self.pid, "the process")
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def pid(self) -> int:
        """Return the process itself, not the `unshare` before it; 0 where it is not there yet."""
        assert self.process is not None
        pid = self.process.pid
        if not self._as_pid_1:
            return pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def _file(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def handles(self, number: signal.Signals) -> bool:
        """Whether it has a handler of its own for a signal."""
        (mask,) = [line for line in self._file("status").splitlines() if line[:7] == "SigCgt:"]
        return bool(int(mask.split()[1], 16) >> (number - 1) & 1)

    def wait_until_handling(self) -> None:
        """Wait for the first lines of the program to have run."""
        until(lambda: self.handles(signal.SIGHUP), "signal handlers")

    def wait_until_loaded(self, library: str) -> None:
        """Wait until it has loaded a shared library whose path has this in it."""
        until(lambda: library in self._file("maps"), f"{library} to be loaded")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)
