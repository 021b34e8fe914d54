"""The gateway's processes without their imports: forked from a server that has them loaded.

A start by `python -m gateway` is half a second of work, nearly all of it imports that are the same
each time. A process forked after them has an environment, a folder, streams, signals and an exit
status of its own like any other. A test whose point is the start itself takes a plain process.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SERVER: Final = "tests.integration.fork_server"
_ROOT: Final = Path(__file__).parents[2]
_LARGEST_NOTE: Final = 4096
_SLICE_MS: Final = 50.0
"""How long one thread waits for notes before another may."""
_OF_THE_INTERPRETER: Final = ("PYTHON", "LANG", "LC_", "LD_")
"""Variables that an interpreter reads at its start."""
_TAKEN_ON: Final = "PYTHONIOENCODING"
"""The one of them that a forked process takes on."""


class ForkedProcess:
    """What a test uses of `subprocess.Popen`, for a process that the server has forked."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.stdin: IO[bytes] | None = None
        self.returncode: int | None = None
        """The exit status if it is known; a signal's number below zero."""

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        self._server.read_notes(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.returncode) is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self._server.read_notes(left)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The server and its children. It ends, and they do, when this does.

    Any thread may wait. The system uses a pid again, so what ends is looked up among what runs.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._control, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _SERVER, str(its.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
                cwd=_ROOT,
                env=environment,
            )
        self._polling = select.poll()  # a test may have opened more files than `select` takes
        self._polling.register(self._control, select.POLLIN)
        self._reading, self._starting = threading.Lock(), threading.Lock()
        self._running: dict[int, ForkedProcess] = {}
        self._started: ForkedProcess | None = None

    def start(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], *streams: int
    ) -> ForkedProcess:
        """Start `python -m MODULE ...` with stdin, stdout and stderr."""
        _python, _m, module, *arguments = command
        job = {
            "module": module,
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(environment),
        }
        with self._starting:
            socket.send_fds(self._control, [json.dumps(job).encode()], streams)
            while (started := self._started) is None:
                self.read_notes(None)
            self._started = None
        return started

    def read_notes(self, seconds: float | None) -> None:
        """Wait for the next note of the server, or a moment, and read all that are there."""
        wait_ms = _SLICE_MS if seconds is None else min(_SLICE_MS, seconds * 1000)
        with self._reading:
            while self._polling.poll(wait_ms):
                self._read(json.loads(self._control.recv(_LARGEST_NOTE)))
                wait_ms = 0

    def _read(self, note: dict[str, int]) -> None:
        if "started" in note:
            pid = note["started"]
            self._started = self._running[pid] = ForkedProcess(self, pid)
        else:
            self._running.pop(note["pid"]).returncode = note["status"]

    def close(self) -> None:
        """End the server and all that it has started."""
        self._control.close()
        self._process.wait()


def fork_gateway(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    streams: Sequence[IO[bytes]],
    stdin: IO[bytes] | None = None,
) -> ForkedProcess:
    """Start a module of the gateway by fork; `streams` are its stdin, stdout and stderr."""
    server = _server(frozenset(_of_the_interpreter(environment)))
    files = [stream.fileno() for stream in streams]
    process = server.start(command, folder, environment, *files)
    process.stdin = stdin
    return process


def may_fork(command: Sequence[str], asked: Mapping[str, str]) -> bool:
    """Whether a command runs a module of the gateway, and by an interpreter like this one."""
    python, option, module, *_ = [*command, "", ""]
    ours = (python, option) == (sys.executable, "-m") and module.partition(".")[0] == "gateway"
    return ours and not _of_the_interpreter(asked) and hasattr(os, "pidfd_open")


def _of_the_interpreter(environment: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return what an interpreter reads of an environment before the program begins."""
    return {
        (name, value)
        for name, value in environment.items()
        if name.startswith(_OF_THE_INTERPRETER) and name != _TAKEN_ON
    }


@cache
def _server(environment: frozenset[tuple[str, str]]) -> ForkServer:
    """Return the server of these tests; another only where a test changes the language."""
    server = ForkServer(dict(environment))
    atexit.register(server.close)
    return server
