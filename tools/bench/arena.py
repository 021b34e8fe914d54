"""Where peers are measured: the emulator and the services on their core, and talk with both."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tools.bench import machine, native
from tools.bench.channel import Channel
from tools.bench.peers import CANARY_TAG, QUEUE, ROOT
from tools.emulator.running import ANNOUNCEMENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

PINNED_SHARE: Final = 0.05
BODY_BYTES: Final = 430
NUMBERED: Final = '{"id":"@message-no@",'
"""How bodies begin where peers are compared: not all of them send the message's id along."""


@dataclass(frozen=True, slots=True)
class Arena:
    """A running emulator and services.

    `emulator` is the fast SQS where that was asked for; `driver` is the program of the ceiling.
    """

    emulator_url: str
    sink_url: str
    pids: tuple[int, int]
    emulator: Channel
    sink: Channel
    driver: Path | None = None
    made_of: str = ""

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
        await self._ask("_fill", queue=queue, count=count, **_pinned(body, pinned_share))

    async def flow(
        self,
        rate: float,
        seconds: float,
        body: str,
        pinned_share: float = PINNED_SHARE,
        queues: Sequence[str] = (QUEUE,),
    ) -> int:
        """Let the fast SQS make so many messages a second from now on; returns how many in all."""
        wanted = _pinned(body, pinned_share)
        answer = await self._ask("_flow", queues=queues, rate=rate, seconds=seconds, **wanted)
        return int(answer["sent"])

    async def delay(self, milliseconds: float) -> None:
        """Let each answer of the fast SQS take so long on its way."""
        await self._ask("_delay", ms=milliseconds)

    async def ledger(self, queue: str = QUEUE) -> dict[str, Any]:
        """Return a queue in numbers."""
        _, answer = await self.emulator.request("GET", f"/_ledger/{queue}")
        ledger: dict[str, Any] = json.loads(answer)
        return ledger

    async def arrivals(self, *, with_ages: bool = True) -> dict[str, Any]:
        """Return what the services counted."""
        _, answer = await self.sink.request("GET", "/_summary" if with_ages else "/_counts")
        arrivals: dict[str, Any] = json.loads(answer)
        return arrivals

    def cpu_seconds(self) -> float:
        """Return what emulator and services have used together."""
        return sum(machine.usage(pid).cpu_seconds for pid in self.pids)

    async def _ask(self, path: str, **wanted: Any) -> dict[str, Any]:
        status, text = await self.emulator.request("POST", f"/{path}", json.dumps(wanted).encode())
        assert status == 200, text
        answer: dict[str, Any] = json.loads(text)
        return answer


@asynccontextmanager
async def arena(programs: Path | None = None) -> AsyncIterator[Arena]:
    """Start both and end both.

    With a folder for `programs` they are the fast ones, compiled into it where that can be done.
    """
    sink = native.compiled("sink", programs) if programs else None
    driver = native.compiled("driver", programs) if programs else None
    sqs_module = ["tools.bench.fast_sqs"] if programs else ["tools.emulator", "--port", "0"]
    with ExitStack() as stack:
        pids, urls = [], []
        for command in (_python(*sqs_module), [str(sink)] if sink else _python("tools.bench.sink")):
            process, url = stack.enter_context(_served(command))
            machine.pin_harness(process.pid)
            pids.append(process.pid)
            urls.append(url)
        sqs, services = [await Channel.open(_port(url)) for url in urls]
        made_of = _made_of(fast=programs is not None, native_sink=sink is not None)
        try:
            yield Arena(urls[0], urls[1], (pids[0], pids[1]), sqs, services, driver, made_of)
        finally:
            for channel in (sqs, services):
                channel.close()


def body(prefix: str = "{", length: int = BODY_BYTES) -> str:
    """Return a JSON body of the usual size; `prefix` begins the object."""
    text = prefix
    number = 0
    while len(text) < min(length, BODY_BYTES) - 30:
        text += f'"field{number}":"value {number}",'
        number += 1
    return text + f'"rest":"{"x" * (length - len(text) - 10)}"' + "}"


def _pinned(text: str, share: float) -> dict[str, Any]:
    version = {"DataType": "String", "StringValue": CANARY_TAG}
    return {"body": text, "share": share, "attributes": {"version": version}}


def _made_of(*, fast: bool, native_sink: bool) -> str:
    if not fast:
        return "SQS is tools/emulator, the services are Python"
    if native_sink:
        return "SQS is tools/bench/fast_sqs, the services are tools/bench/sink.c"
    return "SQS IS tools/bench/fast_sqs, THE SERVICES ARE PYTHON: no C COMPILER, LOWER CEILING"


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


@contextmanager
def _served(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run what prints where it listens; gives the process and its URL."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().removeprefix(ANNOUNCEMENT).strip()
        finally:
            process.terminate()


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
