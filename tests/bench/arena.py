"""Where peers are measured: the emulator and the services on their core, and talk with both."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.bench import machine
from tests.bench.channel import Channel
from tests.bench.peers import CANARY_TAG, QUEUE
from tests.emulator.running import server_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PINNED_SHARE: Final = 0.05
BODY_BYTES: Final = 430


@dataclass(frozen=True, slots=True)
class Arena:
    """A running emulator and services."""

    emulator_url: str
    sink_url: str
    pids: tuple[int, int]
    emulator: Channel
    sink: Channel

    async def clear(self, *queues: str) -> None:
        """Start anew, with these queues, empty; with the usual one where none are named."""
        await self.emulator.request("POST", "/_reset")
        await self.sink.request("POST", "/_reset")
        target = {"x-amz-target": "AmazonSQS.CreateQueue"}
        for queue in queues or (QUEUE,):
            members = {"QueueName": queue, "Attributes": {"VisibilityTimeout": "60"}}
            await self.emulator.request("POST", "/", json.dumps(members).encode(), target)

    async def fill(
        self, count: int, body: str, pinned_share: float = PINNED_SHARE, queue: str = QUEUE
    ) -> None:
        """Enqueue messages; a share of them is pinned to the canary."""
        wanted = {
            "queue": queue,
            "count": count,
            "body": body,
            "share": pinned_share,
            "attributes": {"version": {"DataType": "String", "StringValue": CANARY_TAG}},
        }
        status, answer = await self.emulator.request("POST", "/_fill", json.dumps(wanted).encode())
        assert status == 200, answer

    async def ledger(self, queue: str = QUEUE) -> dict[str, Any]:
        """Return a queue in numbers."""
        _, answer = await self.emulator.request("GET", f"/_ledger/{queue}")
        ledger: dict[str, Any] = json.loads(answer)
        return ledger

    async def arrivals(self) -> dict[str, Any]:
        """Return what the services counted."""
        _, answer = await self.sink.request("GET", "/_summary")
        arrivals: dict[str, Any] = json.loads(answer)
        return arrivals

    def cpu_seconds(self) -> float:
        """Return what emulator and services have used together."""
        return sum(machine.usage(pid).cpu_seconds for pid in self.pids)


@asynccontextmanager
async def arena() -> AsyncIterator[Arena]:
    """Start both and end both."""
    with (
        server_process("tests.emulator", "--port", "0") as (emulator, emulator_url),
        server_process("tests.bench.sink") as (sink, sink_url),
    ):
        for pid in (emulator.pid, sink.pid):
            machine.pin_harness(pid)
        channels = [await Channel.open(_port(url)) for url in (emulator_url, sink_url)]
        try:
            yield Arena(emulator_url, sink_url, (emulator.pid, sink.pid), *channels)
        finally:
            for channel in channels:
                channel.close()


def body(prefix: str = "{") -> str:
    """Return a JSON body of the usual size; `prefix` begins the object."""
    text = prefix
    number = 0
    while len(text) < BODY_BYTES - 30:
        text += f'"field{number}":"value {number}",'
        number += 1
    return text + f'"rest":"{"x" * (BODY_BYTES - len(text) - 10)}"' + "}"


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
