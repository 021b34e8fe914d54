"""The peers that are measured: the gateway, its alternatives, and the least that can be done."""

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
from tools.bench.names import CANARY_TAG, QUEUE, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tools.bench.arena import Arena

GROUPS: Final = 1_000
CANARY_WEIGHT: Final = 10
STOP_SECONDS: Final = 60.0
SNAPSHOT: Final = "snapshot.json"


@dataclass(frozen=True, slots=True)
class Variant:
    """What a peer is measured on: a standard queue over http, where nothing else is said."""

    name: str
    what: str
    sqs_tls: bool = False
    services_tls: bool = False
    fifo: bool = False


PLAIN: Final = Variant("plain", "a standard queue; SQS and services over http")
VARIANTS: Final = (
    PLAIN,
    Variant("sqs-tls", "SQS over TLS, services over http", sqs_tls=True),
    Variant("tls", "SQS and services over TLS", sqs_tls=True, services_tls=True),
    Variant("fifo", f"FIFO with {GROUPS:,} groups, over http", fifo=True),
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that moves messages from the queue to the services.

    `arguments` follow the program (Python where none is named), with the places in braces filled
    in. A slow one gets only `share` of the messages, which does not change its rate. A `compiled`
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
    variant: Variant = PLAIN

    @property
    def queue(self) -> str:
        """The name of its queue."""
        return f"{QUEUE}.fifo" if self.variant.fifo else QUEUE


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
            "-m", "tools.bench.others.mq_bridge_route", "{cache}/mq-bridge", "{emulator}",
            "{queue}", "{sink}",
        ),
        splits=True,
    ),
    Peer(
        "sqs-consumer",
        "sqs-consumer and undici from npm: batches of ten, 8 consumers, a pool of connections",
        ("{cache}/sqs-consumer/sqs_consumer.mjs", "{emulator}/000000000000/{queue}", "{sink}"),
        share=0.1,
        splits=True,
        program="node",
    ),
    Peer(
        "plain",
        "aiobotocore + httpx, as a user would write it",
        ("-m", "tools.bench.plain_consumer", "{queue}", "{sink}/stable"),
        share=0.015,
    ),
    Peer(
        "ceiling",
        "raw bytes: receive, POST, delete, nothing else",
        ("-m", "tools.bench.raw_consumer", "{driver}", "{emulator}", "{queue}", "{sink}/stable"),
    ),
    Peer(
        "ceiling-sqs",
        "raw bytes: receive and delete without any POST",
        ("-m", "tools.bench.raw_consumer", "{driver}", "{emulator}", "{queue}"),
        delivers=False,
    ),
)  # fmt: skip

WATCHED: Final = Peer(
    "gateway",
    "python -m gateway, and a signal that makes it list its tasks",
    ("-m", "tools.bench.watched_gateway", "{snapshot}", "--config", "{config}"),
    splits=True,
)

_AUTHORITY: Final = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
"""Where the AWS SDKs, OpenSSL and rustls, and Node look for an authority of one's own."""

_CONFIG: Final = """\
routes:
  - name: bench
    queue: {queue}
    wait: 1s
    visibility: 60s
    versions:
      stable: {{url: "{sink}/stable", tag: v1{tls}}}
      canary: {{url: "{sink}/canary", tag: {tag}{tls}}}
    split: {{stable: {rest}, canary: {weight}}}
"""


class PeerFailedError(Exception):
    """A peer did not start, or stopped on its own; `str()` has the end of its output."""


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
        """Raise PeerFailedError when it has ended."""
        if self.process.poll() is not None:
            raise self.failed(f"stopped with status {self.process.returncode}")

    def failed(self, why: str) -> PeerFailedError:
        """Return the error to raise, with the end of its output."""
        said = self.log.read_text(errors="replace")[-2000:]
        return PeerFailedError(f"{self.name} {why}; the end of its output:\n{said}")


@contextmanager
def running(
    peer: Peer,
    arena: Arena,
    folder: Path,
    routing: str | None = None,
    *,
    on_core: Callable[[], AbstractContextManager[None]] = machine.as_peer,
) -> Iterator[Running]:
    """Run a peer on its core; on leaving it is terminated, and killed after a while.

    The gateway goes by `routing`, the text of a routing file, or by that of the usual one route.
    """
    config = folder / "routes.yaml"
    config.write_text(_usual_routing(peer, arena) if routing is None else routing)
    environment = _environment(peer, arena, admin_port := free_port()) | place(peer)
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


def place_of(peer: Peer) -> dict[str, str]:
    """Return an environment in which Python finds the gateway that the peer runs."""
    paths = [*place(peer).values(), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def place(peer: Peer) -> dict[str, str]:
    """Return where its gateway is, as a variable of the environment."""
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
        "queue": peer.queue,
        "sink": arena.services.url(tls=peer.variant.services_tls),
        "emulator": arena.sqs.url(tls=peer.variant.sqs_tls),
        "driver": arena.driver or "",
    }
    return [peer.program or sys.executable, *(part.format(**places) for part in peer.arguments)]


def _usual_routing(peer: Peer, arena: Arena) -> str:
    return _CONFIG.format(
        queue=peer.queue,
        sink=arena.services.url(tls=peer.variant.services_tls),
        tls=f", tls: {{ca: {arena.authority}}}" if peer.variant.services_tls else "",
        tag=CANARY_TAG,
        weight=CANARY_WEIGHT,
        rest=100 - CANARY_WEIGHT,
    )


def _environment(peer: Peer, arena: Arena, admin_port: int) -> dict[str, str]:
    foreign = re.compile(r"(AWS|GATEWAY)_.*|.*_proxy", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not foreign.fullmatch(name)}
    return kept | {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_SQS": arena.sqs.url(tls=peer.variant.sqs_tls),
        "GATEWAY_ADMIN_HOST": "127.0.0.1",
        "GATEWAY_ADMIN_PORT": str(admin_port),
        "GATEWAY_LOG_FORMAT": "json",
        **(dict.fromkeys(_AUTHORITY, str(arena.authority)) if arena.authority else {}),
    }


def free_port() -> int:
    """Return a port that nothing listens on."""
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
