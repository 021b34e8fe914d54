"""Imports the gateway, then forks a process for each job that comes over a socket.

A job is one message: module, arguments, folder and environment as JSON, with stdin, stdout and
stderr. The server responds with the pid, and later with the exit status. It never has more than one
thread.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any, Final

import uvloop  # noqa: F401

import gateway.adapters.telemetry.logs
import gateway.app
import gateway.cli.main
import gateway.demo.services.chain
import gateway.demo.services.consumer
import gateway.demo.services.queues  # noqa: F401 - all of them only to be there

LARGEST_JOB: Final = 200_000
STREAMS: Final = 3

Job = tuple[dict[str, Any], list[int]]


class Server:
    """The loop of the parent; `next_job` returns in the children only."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, int] = {}  # pid by pidfd
        self._polling = select.poll()
        self._polling.register(control, select.POLLIN)

    def next_job(self) -> Job | None:
        """Serve; return a job in the process that is to do it, and None at the end."""
        while True:
            for ready, _ in self._polling.poll():
                if ready != self._control.fileno():
                    self._reap(ready)
                elif (job := self._receive()) is None:
                    self._end()
                    return None
                elif not self._fork():
                    return job
                else:
                    _close(job[1])

    def _receive(self) -> Job | None:
        message, streams, _, _ = socket.recv_fds(self._control, LARGEST_JOB, STREAMS)
        return (json.loads(message), streams) if message else None

    def _fork(self) -> int:
        pid = os.fork()
        if pid:
            file = os.pidfd_open(pid)
            self._children[file] = pid
            self._polling.register(file, select.POLLIN)
            self._tell(started=pid)
        return pid

    def _reap(self, file: int) -> None:
        pid = self._children.pop(file)
        self._polling.unregister(file)
        os.close(file)
        _, status = os.waitpid(pid, 0)
        self._tell(pid=pid, status=os.waitstatus_to_exitcode(status))

    def _tell(self, **note: int) -> None:
        self._control.send(json.dumps(note).encode())

    def _end(self) -> None:
        for pid in self._children.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _close(files: list[int]) -> None:
    for file in files:
        os.close(file)


def _encode(asked: str) -> None:
    """Do what an interpreter does with PYTHONIOENCODING."""
    if not asked:
        return
    encoding, _, errors = asked.partition(":")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        handler = "backslashreplace" if stream is sys.stderr else errors or "strict"
        stream.reconfigure(encoding=encoding, errors=handler)


def become(job: Job) -> None:
    """Take on streams, folder, environment and arguments, and run. Nothing else stays open."""
    what, streams = job
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(STREAMS, os.sysconf("SC_OPEN_MAX"))
    os.chdir(what["folder"])
    os.environ.clear()
    os.environ.update(what["environment"])
    time.tzset()
    _encode(os.environ.get("PYTHONIOENCODING", ""))
    sys.argv = ["", *what["arguments"]]
    runpy.run_module(what["module"], run_name="__main__", alter_sys=True)


def main() -> None:
    """Serve; in a forked process, run its module."""
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=int(sys.argv[1]))
    job = Server(control).next_job()
    if job is not None:
        control.detach()
        become(job)


if __name__ == "__main__":
    main()
