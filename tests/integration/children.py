"""Child processes: a clean environment, output kept, and an end for each that was started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, ClassVar, Final, Self

from tests.integration.forked import ForkedProcess, fork_gateway, may_fork
from tests.integration.waiting import PATIENCE_SECONDS, NeverHappened, until

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence

LOOPBACK: Final = "127.0.0.1"
REGION: Final = "eu-west-1"
_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
_TAIL_LINES: Final = 40
_ROOT: Final = Path(__file__).parents[2]

_PORTS: Final = range(20_000, 32_000)  # below those of outgoing connections
_ports = cycle(SystemRandom().sample(_PORTS, len(_PORTS)))
"""In another order in each process: suites and workers that run at once seldom want the same."""

LIVE: list[Child] = []
"""Every child that runs, so that the report of a failed test can show what they printed."""


class Child:
    """`python ARGUMENTS...`, its output in two files. Use as a context manager.

    The gateway is forked from a process with its imports, unless `forks` is false.
    """

    forks: ClassVar = True

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        program: Sequence[str] = (sys.executable,),
    ) -> None:
        self.name = " ".join(arguments)
        self._command, self._environment = [*program, *arguments], environment
        self._folder = folder
        self.output, self.log = folder / "stdout", folder / "stderr"
        self.process: subprocess.Popen[bytes] | ForkedProcess | None = None

    def __enter__(self) -> Self:
        with self.output.open("ab") as output, self.log.open("ab") as log:
            if self.forks and may_fork(self._command, self._environment):
                self.process = self._fork(output, log)
            else:
                self.process = self._spawn(output, log)
        LIVE.append(self)
        return self

    def _fork(self, output: IO[bytes], log: IO[bytes]) -> ForkedProcess:
        its, ours = os.pipe()
        with os.fdopen(its, "rb") as stdin:
            given = {**clean_environment(), **self._environment}
            streams = stdin, output, log
            held = os.fdopen(ours, "wb")
            return fork_gateway(self._command, self._folder, given, streams, held)

    def _spawn(self, output: IO[bytes], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,  # a child of ours that reads it ends with us
            stdout=output,
            stderr=log,
            cwd=self._folder,
            env={**clean_environment(), **self._environment},
        )

    def __exit__(self, *_: object) -> None:
        LIVE.remove(self)
        self.kill()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, if it still runs, and wait for its end."""
        if self.process is None:
            return
        if self.process.stdin:
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()

    def exit_status(self) -> int:
        """Wait for its end and return the status."""
        assert self.process is not None
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise NeverHappened(f"{self.name} did not end\n{self.tail()}") from None

    def logged(self) -> str:
        """Return what it has printed on stderr so far."""
        return self.log.read_text("utf-8", "replace")

    def printed(self) -> str:
        """Return what it has printed on stdout so far."""
        return self.output.read_text("utf-8", "replace")

    def tail(self) -> str:
        """Return the end of what it printed."""
        return "\n".join((self.printed() + self.logged()).splitlines()[-_TAIL_LINES:])


class ServerChild(Child):
    """A server that prints `listening on URL` once it is ready."""

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        super().__init__(arguments, folder, {"PYTHONPATH": str(_ROOT)})
        self.url = ""

    def __enter__(self) -> Self:
        super().__enter__()
        self.url = until(self._announced, f"{self.name} to listen")
        return self

    def _announced(self) -> str:
        if not self.running:
            raise NeverHappened(f"{self.name} ended before it listened\n{self.tail()}")
        lines = self.printed().splitlines(keepends=True)
        words = [line.split() for line in lines if line.startswith("listening on ")]
        return words[0][2] if words and lines[-1].endswith("\n") else ""


def clean_environment() -> dict[str, str]:
    """Return an environment without AWS profiles, proxies or a gateway's own settings."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "PYTHONUNBUFFERED": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def aws_environment(endpoint: str) -> dict[str, str]:
    """Return what an AWS SDK needs to use an emulator."""
    return {
        "AWS_ENDPOINT_URL_SQS": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def free_port() -> int:
    """Return a port that nobody listens on, and that no outgoing connection is given either."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = next(_ports)
            probe.bind((LOOPBACK, port))
            return port


def run_gateway(
    *arguments: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of the gateway to its end."""
    command = [sys.executable, "-m", "gateway", *arguments]
    given = {**clean_environment(), **environment}
    if may_fork(command, environment):
        return _run_forked(command, stdin, given)
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",  # a test may ask for another encoding
        check=False,
        timeout=PATIENCE_SECONDS,
        env=given,
    )


def _run_forked(
    command: Sequence[str], stdin: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    with TemporaryFile() as given, TemporaryFile() as output, TemporaryFile() as log:
        given.write(stdin.encode())
        given.seek(0)
        process = fork_gateway(command, Path.cwd(), environment, (given, output, log))
        try:
            status = process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(command, status, _text_of(output), _text_of(log))


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
