"""The machine: cores to pin to, what a process uses, a description."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CORES: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
"""What this process may run on; empty where the system knows no pinning (macOS)."""
_PROC: Final = Path("/proc")
_MIB: Final = 2**20
_SHOWN: Final = ("uvloop", "httptools", "aiobotocore", "aiohttp", "httpx")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far: CPU seconds, user and system; resident memory now."""

    cpu_seconds: float
    rss_mib: float


@contextmanager
def as_peer() -> Iterator[None]:
    """Start a peer on the first core, where that can be done.

    It inherits the core before it has a thread of its own; one pinned afterwards may have several.
    """
    with _on(0):
        yield


@contextmanager
def as_harness() -> Iterator[None]:
    """Start a second peer on the second core, which it shares with the harness."""
    with _on(1):
        yield


@contextmanager
def _on(core: int) -> Iterator[None]:
    if len(CORES) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CORES[core]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin_harness(pid: int) -> None:
    """Keep emulator, services and the bench itself on the second core."""
    if len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[1]})


def usage(pid: int) -> Usage:
    """Return what a process has used; a process that is gone raises OSError or ValueError."""
    return _usage_from_proc(pid) if _PROC.exists() else _usage_from_ps(pid)


def peak_mib(pid: int) -> float:
    """Return the most memory that was ever resident; only where there is a /proc."""
    return int(_status(pid)["VmHWM"].split()[0]) / 1024


def threads(pid: int) -> int:
    """Return how many threads a process has; only where there is a /proc."""
    return int(_status(pid)["Threads"])


def open_files(pid: int) -> int:
    """Return how many file descriptors are open, sockets among them; only with a /proc."""
    return sum(1 for _ in (_PROC / str(pid) / "fd").iterdir())


def describe() -> list[str]:
    """Describe the machine and the versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in _SHOWN)
    pinning = "nothing is pinned, since this system cannot: figures vary more"
    if len(CORES) > 1:
        pinning = f"peers on core {CORES[0]}, emulator and services on core {CORES[1]}"
    return [
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {packages}",
        pinning,
    ]


def _status(pid: int) -> dict[str, str]:
    lines = (_PROC / str(pid) / "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _usage_from_proc(pid: int) -> Usage:
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(fields[21])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / _MIB)


def _usage_from_ps(pid: int) -> Usage:
    shown = subprocess.run(
        ["ps", "-o", "time=,rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    time, rss_kib = shown.stdout.split()
    seconds = 0.0
    for part in time.replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return Usage(seconds, int(rss_kib) / 1024)


def _processor() -> str:
    cpuinfo = _PROC / "cpuinfo"
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
