"""Who is measured: the gateway, what a user would write instead, and the least one could do."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.bench import compiled, install, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tools.bench.arena import Arena

QUEUE: Final = "bench"
CANARY_WEIGHT: Final = 10
CANARY_TAG: Final = "v2"
STOP_SECONDS: Final = 60.0
SNAPSHOT: Final = "snapshot.json"
ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody who moves messages from the queue to the services.

    `arguments` follow the program (Python where none is named), with the places in braces filled
    in; a slow one gets only `share` of the messages, which does not change its rate. A `compiled`
    one runs the gateway that tools/bench/compiled.py builds.
    """

    name: str
    what: str
    arguments: tuple[str, ...]
    share: float = 1.0
    splits: bool = False
    delivers: bool = True
    program: str = ""
    compiled: bool = False


PEERS: Final = (
    Peer(
        "gateway",
        "python -m gateway with its hot path compiled, as the image has it",
        ("-P", "-m", "gateway", "--config", "{config}"),
        splits=True,
        compiled=True,
    ),
    Peer(
        "uncompiled",
        "the same, as the wheel is",
        ("-m", "gateway", "--config", "{config}"),
        splits=True,
    ),
    Peer(
        "mq-bridge",
        "mq-bridge from PyPI, a Rust core: aws input, switch on `version`, two http outputs",
        (
            "-m", "tools.bench.others.mq_bridge_route", "{cache}/mq-bridge", "{emulator}", QUEUE,
            "{sink}",
        ),
        splits=True,
    ),
    Peer(
        "sqs-consumer",
        "sqs-consumer and undici from npm: batches of ten, 8 consumers, a pool of connections",
        ("{cache}/sqs-consumer/sqs_consumer.mjs", "{emulator}/000000000000/bench", "{sink}"),
        share=0.1,
        splits=True,
        program="node",
    ),
    Peer(
        "plain",
        "aiobotocore + httpx, as a user would write it",
        ("-m", "tools.bench.plain_consumer", QUEUE, "{sink}/stable"),
        share=0.015,
    ),
    Peer(
        "ceiling",
        "raw bytes: receive, POST, delete, nothing else",
        ("-m", "tools.bench.raw_consumer", "{driver}", "{emulator}", QUEUE, "{sink}/stable"),
    ),
    Peer(
        "ceiling-sqs",
        "raw bytes: receive and delete without any POST",
        ("-m", "tools.bench.raw_consumer", "{driver}", "{emulator}", QUEUE),
        delivers=False,
    ),
)  # fmt: skip

WATCHED: Final = Peer(
    "gateway",
    "python -m gateway, and a signal that makes it tell its tasks",
    ("-m", "tools.bench.watched_gateway", "{snapshot}", "--config", "{config}"),
    splits=True,
)

_CONFIG: Final = """\
routes:
  - name: bench
    queue: {queue}
    wait: 1s
    visibility: 60s
    versions:
      stable: {{url: "{sink}/stable", tag: v1}}
      canary: {{url: "{sink}/canary", tag: {tag}}}
    split: {{stable: {rest}, canary: {weight}}}
"""


class PeerFailedError(Exception):
    """A peer did not start, or stopped on its own; `str()` has the last of what it printed."""


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that runs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    admin_port: int
    began: float

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def check(self) -> None:
        """Raise PeerFailedError where it runs no more."""
        if self.process.poll() is not None:
            raise self.failed(f"stopped with status {self.process.returncode}")

    def failed(self, why: str) -> PeerFailedError:
        """Return the error to raise, with the last of what it printed."""
        said = self.log.read_text(errors="replace")[-2000:]
        return PeerFailedError(f"{self.name} {why}; the last it said:\n{said}")


@contextmanager
def running(
    peer: Peer,
    arena: Arena,
    folder: Path,
    routing: str | None = None,
    *,
    on_core: Callable[[], AbstractContextManager[None]] = machine.as_peer,
) -> Iterator[Running]:
    """Run a peer on its core; on leaving it is asked to stop, and must.

    The gateway goes by `routing`, the text of a routing file, or by that of the usual one route.
    """
    config = folder / "routes.yaml"
    config.write_text(_usual_routing(arena) if routing is None else routing)
    environment = _environment(arena, admin_port := _free_port()) | _place(peer)
    log = folder / f"{peer.name}-{admin_port}.log"
    began = time.monotonic()
    with log.open("wb") as out:
        with on_core():
            process = subprocess.Popen(
                _command(peer, arena, config),
                cwd=_root_of(peer),
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Running(peer.name, process, log, admin_port, began)
        finally:
            _stop(process)


def _root_of(peer: Peer) -> Path:
    """The gateway may be another tree's, to compare it with this one's."""
    ours = peer.name in {"gateway", "uncompiled"}
    return Path(os.environ.get("BENCH_GATEWAY_ROOT", ROOT)) if ours else ROOT


def _place(peer: Peer) -> dict[str, str]:
    if not peer.compiled:
        return {}
    try:
        return {"PYTHONPATH": str(compiled.gateway(_root_of(peer), install.CACHE))}
    except compiled.NotCompiledError as error:
        raise PeerFailedError(f"{peer.name} cannot be compiled: {error}") from error


def _command(peer: Peer, arena: Arena, config: Path) -> list[str]:
    places = {
        "cache": install.CACHE,
        "config": config,
        "snapshot": config.parent / SNAPSHOT,
        "sink": arena.sink_url,
        "emulator": arena.emulator_url,
        "driver": arena.driver or "",
    }
    return [peer.program or sys.executable, *(part.format(**places) for part in peer.arguments)]


def _usual_routing(arena: Arena) -> str:
    return _CONFIG.format(
        queue=QUEUE,
        sink=arena.sink_url,
        tag=CANARY_TAG,
        weight=CANARY_WEIGHT,
        rest=100 - CANARY_WEIGHT,
    )


def _environment(arena: Arena, admin_port: int) -> dict[str, str]:
    foreign = re.compile(r"(AWS|GATEWAY)_.*|.*_proxy", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not foreign.fullmatch(name)}
    return kept | {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_SQS": arena.emulator_url,
        "GATEWAY_ADMIN_HOST": "127.0.0.1",
        "GATEWAY_ADMIN_PORT": str(admin_port),
        "GATEWAY_LOG_FORMAT": "json",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
