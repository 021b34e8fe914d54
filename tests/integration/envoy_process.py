"""A real Envoy for tests: it is given routes, and its responses are read, many at a time."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from gateway.demo.mesh.envoy import (
    HTTP_CONNECTIONS,
    OPTIONS,
    ROUTER,
    explain_missing_envoy,
    find_envoy,
)
from tests.integration.children import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

TOGETHER: Final = 50
"""Requests that are under way at once."""


class Response(NamedTuple):
    """What Envoy sent back."""

    status: int
    headers: dict[str, str]
    body: str


@contextmanager
def running_envoy(
    folder: Path, routes: Iterable[Any], clusters: Sequence[Any] = ()
) -> Iterator[int]:
    """Run Envoy with routes for every host; yield its port. Skips the test where there is none."""
    program = find_envoy()
    if program is None:
        pytest.skip(explain_missing_envoy())
    port = free_port()
    (folder / "envoy.json").write_text(json.dumps(_config(port, list(routes), clusters)))
    command = [str(program), "--config-path", str(folder / "envoy.json"), *OPTIONS]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(port, running, folder / "log")
            yield port
        finally:
            running.kill()
            running.wait()


def post(path: str, authority: str, headers: Mapping[str, str]) -> bytes:
    """Return a request as it is sent; it has no body, which no route looks at."""
    lines = [f"POST {path} HTTP/1.1", f"host: {authority}", "content-length: 0"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def ask(port: int, requests: Sequence[bytes]) -> Iterator[Response]:
    """Send requests, some at a time on connections of their own; yield the responses in order."""
    with ExitStack() as opened:
        connections = [
            opened.enter_context(socket.create_connection((LOOPBACK, port), timeout=60))
            for _ in range(min(TOGETHER, len(requests)))
        ]
        streams = [opened.enter_context(each.makefile("rb")) for each in connections]
        for at in range(0, len(requests), TOGETHER):
            some = requests[at : at + TOGETHER]
            for connection, request in zip(connections, some, strict=False):
                connection.sendall(request)
            for _, stream in zip(some, streams, strict=False):
                yield _response(stream)


def _response(stream: Any) -> Response:
    status = int(stream.readline().split()[1])
    headers: dict[str, str] = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(": ")
        headers[name.lower()] = value
    body = stream.read(int(headers.get("content-length", 0))).decode()
    return Response(status, headers, body)


def _config(port: int, routes: list[Any], clusters: Sequence[Any]) -> dict[str, Any]:
    manager = {
        "@type": HTTP_CONNECTIONS,
        "stat_prefix": "objects",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
    }
    address = {"socket_address": {"address": LOOPBACK, "port_value": port}}
    filters = [{"name": "http", "typed_config": manager}]
    listener = {"name": "in", "address": address, "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener], "clusters": list(clusters)}}


def _wait_for(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        assert running.poll() is None, log.read_text()
        try:
            socket.create_connection((LOOPBACK, port), timeout=5).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
