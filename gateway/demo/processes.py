"""The demo's child processes: started in a clean environment, watched, ended with the demo."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar

from gateway.demo.reaper import end_groups

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

GRACE_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 0.1
LAST_LINES: Final = 15
KEPT: Final = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL",
    "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
)  # fmt: skip


class DemoError(Exception):
    """The demo cannot continue; `last_lines` are those of the process concerned."""

    def __init__(self, why: str, last_lines: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.last_lines = last_lines


@dataclass(slots=True, eq=False)
class ChildProcess:
    """A process in a process group of its own, which prints into the file `log`."""

    name: str
    process: Process
    log: Path
    stopping: bool = False

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.returncode is None

    @property
    def died(self) -> bool:
        """Whether it has ended without being stopped."""
        return not self.running and not self.stopping

    def last_lines(self) -> list[str]:
        """Return its last LAST_LINES lines of output."""
        return self.log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]

    def send_signal(self, how: signal.Signals) -> None:
        """Send a signal to the whole group if it runs; its end is expected from now on."""
        self.stopping = True
        if self.running:
            end_groups([self.process.pid], how)


class Processes:
    """All processes of one demo; leaving the context ends all of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[ChildProcess] = []
        self._reaper: Process | None = None

    async def __aenter__(self) -> Self:
        self._reaper = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.demo.reaper",
            stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env=clean_environment(),
            start_new_session=True,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop(*self._processes)
        finally:
            for child in self._processes:
                self._report("-", child)
            if self._reaper and self._reaper.stdin:
                self._reaper.stdin.close()
                await self._reaper.wait()

    async def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        program: str = sys.executable,
    ) -> ChildProcess:
        """Start `PROGRAM COMMAND...` with a clean environment and the given variables."""
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                program, *command,
                stdin=DEVNULL, stdout=output, stderr=STDOUT,
                env={**clean_environment(), **environment}, start_new_session=True,
            )  # fmt: skip
        child = ChildProcess(name, process, log)
        self._processes.append(child)
        self._report("+", child)
        return child

    async def while_alive(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine; raises DemoError as soon as a process ends without being stopped."""
        doing, watching = asyncio.ensure_future(work), asyncio.ensure_future(self._watch())
        try:
            await asyncio.wait({doing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done() and doing.exception():
                # The cause may be a process that has ended, which then is the error to report.
                await asyncio.wait({watching}, timeout=2 * WATCH_SECONDS)
            return await (watching if watching.done() else doing)
        finally:
            doing.cancel()
            watching.cancel()
            await asyncio.gather(doing, watching, return_exceptions=True)

    async def _watch(self) -> NoReturn:
        while True:
            for child in self._processes:
                if child.died:
                    how = describe_exit(child.process.returncode or 0)
                    raise DemoError(f"{child.name} ended by itself ({how})", child.last_lines())
            await asyncio.sleep(WATCH_SECONDS)

    async def stop(self, *processes: ChildProcess, grace_seconds: float = GRACE_SECONDS) -> None:
        """Stop processes: SIGTERM, then SIGKILL; without delay if this is cancelled."""
        for child in processes:
            child.send_signal(signal.SIGTERM)
        ends = [asyncio.ensure_future(child.process.wait()) for child in processes]
        if not ends:
            return
        try:
            await asyncio.wait(ends, timeout=grace_seconds)
        finally:
            for child in processes:
                child.send_signal(signal.SIGKILL)
            await asyncio.wait(ends)

    def _report(self, sign: str, child: ChildProcess) -> None:
        if self._reaper and self._reaper.stdin:
            with suppress(ConnectionError):
                self._reaper.stdin.write(f"{sign}{child.process.pid}\n".encode())


def clean_environment() -> dict[str, str]:
    """Return an environment without proxies, AWS profiles or settings of the gateway.

    No file of the user may direct the demo's messages to a real queue.
    """
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "PYTHONUNBUFFERED": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def describe_exit(status: int) -> str:
    """Return how a process ended in words: its exit status, or the name of a signal."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
