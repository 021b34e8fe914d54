"""Node and the packages of the services: fetched once with npm, into the Python environment.

They are 134 MB, so they are no part of the project. A folder is filled beside its place and renamed
there under a lock: of two that start at once one fetches, and a broken fetch leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SDK: Final = "@aws-sdk/client-sqs@3.1175.0"
INSTRUMENTATION: Final = "@opentelemetry/auto-instrumentations-node@0.81.2"
NAME: Final = "node-opentelemetry-0.81.2-sqs-3.1175.0"
FETCH_SECONDS: Final = 300.0
SHOWN: Final = 200

INSTRUMENTED: Final[Mapping[str, str]] = {
    "NODE_OPTIONS": "--require @opentelemetry/auto-instrumentations-node/register",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_NODE_ENABLED_INSTRUMENTATIONS": "http,aws-sdk",
    "OTEL_NODE_RESOURCE_DETECTORS": "none",
}
"""What makes a service in Node hand its request's baggage on.

The last two spare time at the start, and questions to the metadata services of clouds.
"""


class NoNodeError(Exception):
    """Node or its packages cannot be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Node:
    """The program, and the folder with its packages."""

    program: Path
    packages: Path

    def command(self) -> list[str]:
        """Return the arguments that start the service."""
        return [str(files(__package__).joinpath("service.js"))]

    def settings(self, *, instrumented: bool) -> dict[str, str]:
        """Return the service's environment but for its name, addresses and credentials."""
        return {"NODE_PATH": str(self.packages)} | (dict(INSTRUMENTED) if instrumented else {})


async def find_node() -> Node:
    """Return Node with its packages, which are fetched if they are not there yet.

    Raises NoNodeError.
    """
    program, npm = shutil.which("node"), shutil.which("npm")
    if not program or not npm:
        raise NoNodeError("there is no node or no npm on the PATH")
    folder = Path(sys.prefix) / "tools" / NAME
    try:
        with _locked(folder.with_suffix(".lock")):
            if not folder.exists():
                await _fetch(npm, folder)
    except OSError as error:
        raise NoNodeError(f"cannot write to {folder.parent}: {error}") from error
    return Node(Path(program), folder / "node_modules")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, by any end
        yield


async def _fetch(npm: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as beside:
        filled = Path(beside) / "filled"
        filled.mkdir()
        (filled / "package.json").write_text('{"private": true}', "utf-8")
        await _install(npm, filled)
        filled.rename(folder)


async def _install(npm: str, folder: Path) -> None:
    command = [npm, "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
    process = await asyncio.create_subprocess_exec(
        *command, SDK, INSTRUMENTATION, cwd=folder, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            printed, _ = await process.communicate()
    except TimeoutError:
        raise NoNodeError(f"npm has not ended after {FETCH_SECONDS:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = printed.decode("utf-8", "replace").strip()[-SHOWN:]
        raise NoNodeError(f"npm ended with {process.returncode}: {last or 'it printed nothing'}")
