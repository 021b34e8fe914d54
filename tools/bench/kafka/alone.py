"""Runs the source alone, or its client alone, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tools.bench import machine
from tools.bench.arena import NUMBERED, PINNED_SHARE, body
from tools.bench.kafka.passing import SESSION_MS, Passed
from tools.bench.names import ROOT
from tools.bench.peers import PeerFailedError, place_of

if TYPE_CHECKING:
    from tools.bench.kafka.broker import Broker
    from tools.bench.peers import Peer


SOURCE: Final = "source_alone"
CLIENT: Final = "client_alone"


async def alone(
    peer: Peer, broker: Broker, count: int, *settings: str, what: str = SOURCE
) -> Passed:
    """Consume so many records; the source settles them. `settings`: librdkafka's, NAME=VALUE."""
    topic = f"t-{uuid4()}"
    broker.create(topic)
    broker.fill(topic, count, body(NUMBERED), PINNED_SHARE)
    given = [f"session.timeout.ms={SESSION_MS}", *settings]
    module = ["-P", "-m", f"tools.bench.kafka.{what}"]
    command = [sys.executable, *module, broker.address, topic, topic, str(count), *given]
    with machine.as_peer():
        process = subprocess.Popen(  # noqa: ASYNC220 - it is awaited in a thread
            command, cwd=ROOT, env=place_of(peer), stdout=subprocess.PIPE, text=True
        )
    printed, _ = await asyncio.to_thread(process.communicate)
    broker.drop(topic)
    if process.returncode:
        raise PeerFailedError(f"{what} stopped with status {process.returncode}")
    found = json.loads(printed)
    return Passed(
        records=found["records"],
        seconds=found["seconds"],
        cpu_seconds=found["cpu_seconds"],
        rss_mib=found["rss_mib"],
        lost=0,
        doubled=0,
        uncommitted=0,
    )
