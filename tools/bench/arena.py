"""What peers are measured with: SQS and services on their core, and channels to both."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import trustme

from tools.bench import machine, native
from tools.bench.channel import Channel
from tools.bench.names import CANARY_TAG, QUEUE, ROOT
from tools.emulator.running import ANNOUNCEMENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

PINNED_SHARE: Final = 0.05
BODY_BYTES: Final = 430
NUMBERED: Final = '{"id":"@message-no@",'
"""How bodies begin where peers are compared: not all of them send the message's id."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of the two listens: over http, and over https ("" where it does not)."""

    http: str
    https: str = ""

    def url(self, *, tls: bool) -> str:
        """Return the URL to use; raises NoTlsError."""
        if tls and not self.https:
            raise NoTlsError(
                "no TLS: the headers of OpenSSL are missing (apt-get install libssl-dev)"
            )
        return self.https if tls else self.http


class NoTlsError(Exception):
    """It listens on http only; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Arena:
    """A running SQS and services.

    SQS is the fast one where that was asked for, and then `authority` is the file of the authority
    that signed both certificates. `driver` is the program of the ceiling.
    """

    sqs: Place
    services: Place
    pids: tuple[int, int]
    to_sqs: Channel
    to_services: Channel
    authority: Path | None = None
    driver: Path | None = None
    made_of: str = ""

    async def clear(self, *queues: str) -> None:
        """Start anew, with these queues, empty; with the usual one where none are named."""
        await self.to_sqs.request("POST", "/_reset")
        await self.to_services.request("POST", "/_reset")
        target = {"x-amz-target": "AmazonSQS.CreateQueue"}
        for queue in queues or (QUEUE,):
            attributes = {"VisibilityTimeout": "60"}
            if queue.endswith(".fifo"):
                attributes["FifoQueue"] = "true"
            members = {"QueueName": queue, "Attributes": attributes}
            await self.to_sqs.request("POST", "/", json.dumps(members).encode(), target)

    async def fill(
        self,
        count: int,
        body: str,
        pinned_share: float = PINNED_SHARE,
        queue: str = QUEUE,
        groups: int = 1,
    ) -> None:
        """Enqueue messages, a share of them pinned to the canary; on FIFO in `groups` groups."""
        wanted = _pinned(body, pinned_share)
        await self._ask("_fill", queue=queue, count=count, groups=groups, **wanted)

    async def flow(
        self,
        rate: float,
        seconds: float,
        body: str,
        pinned_share: float = PINNED_SHARE,
        queues: Sequence[str] = (QUEUE,),
    ) -> int:
        """Have the fast SQS make `rate` messages a second from now on; returns how many in all."""
        wanted = _pinned(body, pinned_share)
        response = await self._ask("_flow", queues=queues, rate=rate, seconds=seconds, **wanted)
        return int(response["sent"])

    async def delay(self, milliseconds: float) -> None:
        """Delay each response of the fast SQS."""
        await self._ask("_delay", ms=milliseconds)

    async def counts(self, queue: str = QUEUE) -> dict[str, Any]:
        """Return a queue in numbers."""
        _, response = await self.to_sqs.request("GET", f"/_history/{queue}")
        counts: dict[str, Any] = json.loads(response)
        return counts

    async def arrivals(self, *, with_ages: bool = True) -> dict[str, Any]:
        """Return what the services counted."""
        _, response = await self.to_services.request(
            "GET", "/_summary" if with_ages else "/_counts"
        )
        arrivals: dict[str, Any] = json.loads(response)
        return arrivals

    def cpu_seconds(self) -> float:
        """Return what emulator and services have used together."""
        return sum(machine.usage(pid).cpu_seconds for pid in self.pids)

    async def _ask(self, path: str, **wanted: Any) -> dict[str, Any]:
        status, text = await self.to_sqs.request("POST", f"/{path}", json.dumps(wanted).encode())
        assert status == 200, text
        response: dict[str, Any] = json.loads(text)
        return response


@asynccontextmanager
async def arena(programs: Path | None = None) -> AsyncIterator[Arena]:
    """Start SQS and services and end both.

    With a folder for `programs` they are the fast ones, over http and https, compiled into the
    folder where that can be done.
    """
    if programs is None:
        async with _running(_python("tools.emulator", "--port", "0"), _python(_SINK)) as here:
            yield replace(here, made_of="SQS is tools/emulator, the services are Python")
        return
    authority, certificate = _certificates(programs)
    sqs = _python("tools.bench.fast_sqs", "--tls", str(certificate))
    program = native.compiled_with_tls("sink", programs) or native.compiled("sink", programs)
    services = [str(program), str(certificate)] if program else _python(_SINK)
    driver = native.compiled("driver", programs)
    async with _running(sqs, services) as here:
        made_of = _made_of(native_sink=program is not None)
        yield replace(here, authority=authority, driver=driver, made_of=made_of)


@asynccontextmanager
async def _running(sqs: Sequence[str], services: Sequence[str]) -> AsyncIterator[Arena]:
    with ExitStack() as stack:
        pids, places = [], []
        for command in (sqs, services):
            process, urls = stack.enter_context(_served(command))
            machine.pin_harness(process.pid)
            pids.append(process.pid)
            places.append(Place(*urls))
        to_sqs, to_services = [await Channel.open(_port(place.http)) for place in places]
        try:
            yield Arena(places[0], places[1], (pids[0], pids[1]), to_sqs, to_services)
        finally:
            for channel in (to_sqs, to_services):
                channel.close()


def _certificates(folder: Path) -> tuple[Path, Path]:
    """Write an authority, and key and certificate of this machine; return their files."""
    authority, certificate = folder / "authority.pem", folder / "certificate.pem"
    made = trustme.CA()
    made.cert_pem.write_to_path(str(authority))
    issued = made.issue_cert("127.0.0.1", "localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
    return authority, certificate


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


def _made_of(*, native_sink: bool) -> str:
    if native_sink:
        return "SQS is tools/bench/fast_sqs, the services are tools/bench/sink.c"
    return "SQS IS tools/bench/fast_sqs, THE SERVICES ARE PYTHON: no C COMPILER, LOWER CEILING"


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


@contextmanager
def _served(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run what prints where it listens; gives the process and its URLs."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().removeprefix(ANNOUNCEMENT).split()
        finally:
            process.terminate()


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


_SINK: Final = "tools.bench.sink"
