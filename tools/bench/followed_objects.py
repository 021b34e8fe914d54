"""An API server with objects that gateways follow, and that change, on the core of the harness."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.demo.kubernetes.cluster import COMMAND, NAMESPACE, new_token, write_kubeconfig
from tools.bench import machine
from tools.bench.channel import Channel
from tools.bench.names import ROOT
from tools.bench.peers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

CHANGES_PER_SECOND: Final = 200

_PATH: Final = f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices"
_PATCH: Final = "application/merge-patch+json"
_CREATED: Final = 201
_OK: Final = 200
_START_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running API server; requests go over the channel."""

    channel: Channel
    token: str

    async def create(self, name: str, routes: int) -> None:
        """Make an object that gives the canary 5 %, after this many routes by a header."""
        await self._send("POST", _PATH, "application/json", _object(name, routes), _CREATED)

    async def change(self, name: str, number: int) -> None:
        """Change the spec of an object."""
        spec = {"spec": {"exportTo": ["*", f"n{number}"]}}
        await self._send("PATCH", f"{_PATH}/{name}", _PATCH, spec, _OK)

    async def _send(self, method: str, path: str, kind: str, content: Any, wanted: int) -> None:
        headers = {"authorization": f"Bearer {self.token}", "content-type": kind}
        body = json.dumps(content).encode()
        status, response = await self.channel.request(method, path, body, headers)
        if status != wanted:
            raise ConnectionError(f"the API server responded {status}: {response[:200]!r}")


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Run an API server, and name it to every gateway that is started meanwhile."""
    token, port = new_token(), free_port()
    kubeconfig = folder / "kubeconfig"
    write_kubeconfig(kubeconfig, f"http://127.0.0.1:{port}", token)
    process = _serve(port, token)
    try:
        channel = await _connected(port)
        with _environment("KUBECONFIG", str(kubeconfig)):
            yield Cluster(channel, token)
        channel.close()
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def changing(api: Cluster, name: str, made: list[int]) -> AsyncIterator[None]:
    """Change an object 200 times a second; `made` gets the number of each change."""
    task = asyncio.create_task(_change(api, name, made))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _object(name: str, routes: int) -> dict[str, Any]:
    """Return a VirtualService; stable is where the services are, the canary a subset."""
    split = [
        {"destination": {"host": "127.0.0.1"}, "weight": 95},
        {"destination": {"host": name, "subset": "canary"}, "weight": 5},
    ]
    by_header = [
        {
            "name": f"tenant-{number}",
            "match": [{"headers": {"tenant": {"exact": f"t-{number}"}}}],
            "route": split,
        }
        for number in range(routes)
    ]
    spec = {"hosts": [name], "http": [*by_header, {"route": split}]}
    return {"metadata": {"name": name}, "spec": spec}


async def _change(api: Cluster, name: str, made: list[int]) -> None:
    began = time.monotonic()
    while True:
        made.append(len(made))
        await api.change(name, len(made))
        due = began + len(made) / CHANGES_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def _serve(port: int, token: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, *COMMAND, "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TOKEN": token})
    machine.pin_harness(process.pid)
    return process


async def _connected(port: int) -> Channel:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            return await Channel.open(port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
