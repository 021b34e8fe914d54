"""An SQS for benches: standard queues in memory, AWS JSON 1.0, as few microseconds as will do.

    python -m tools.bench.fast_sqs [--delay-ms 10]

It knows what the peers call and nothing more: no FIFO, no delays, no redrive policy, no faults, and
it believes every signature. Whoever wants to know what SQS does asks tools/emulator. `/_fill`,
`/_reset` and `/_ledger/QUEUE` are the emulator's; more of its own:

    POST /_flow   {"queues", "rate", "seconds", "body", "share", "attributes"}: messages from now
                  on, evenly over time and by turns over the queues
    POST /_delay  {"ms"}: how long each answer takes on its way, instead of --delay-ms

In a body `@now` becomes the time of sending, `@message-no@` the number of the message.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
from typing import TYPE_CHECKING, Final, cast

import uvloop

from tools.bench.fast_sqs.control import respond
from tools.bench.fast_sqs.operations import Calls

if TYPE_CHECKING:
    from tools.bench.fast_sqs.operations import Waiting

_HEAD: Final = (
    b"HTTP/1.1 %d OK\r\nx-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\n%bContent-Length: %d\r\n\r\n"
)
_QUERY_ERROR: Final = b"x-amzn-query-error: %b\r\n"


class Connection(asyncio.Protocol):
    """One connection, one request at a time; the head is searched and not parsed: 6 us less."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._transport: asyncio.Transport | None = None
        self._input = b""
        self._waiting: Waiting | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._waiting is not None:
            self._waiting.cancel()

    def data_received(self, data: bytes) -> None:
        text = self._input + data if self._input else data
        end = text.find(b"\r\n\r\n") + 4
        if end < 4:
            self._input = text
            return
        head = text[:end].lower()
        length = _value(head, b"\r\ncontent-length:")
        if len(text) < end + int(length or b"0"):
            self._input = text
            return
        self._input = b""
        self._take(head, text[:end], text[end:])

    def _take(self, head: bytes, as_sent: bytes, body: bytes) -> None:
        target = _value(head, b"\r\nx-amz-target:")
        if target:
            operation = target[target.rindex(b".") + 1 :]
            host = _value(head, b"\r\nhost:").decode()
            self._waiting = self._calls.run(operation, body, host, self._answer)
            return
        method, path, _ = as_sent.split(b" ", 2)
        status, answer = respond(self._calls, method.decode(), path.decode(), body)
        self._write(_HEAD % (status, b"", len(answer)) + answer)

    def _answer(self, answer: bytes, error: bytes = b"") -> None:
        self._waiting = None
        status, query_error = (400, _QUERY_ERROR % error) if error else (200, b"")
        text = _HEAD % (status, query_error, len(answer)) + answer
        delay_seconds = self._calls.delay_seconds
        if delay_seconds:
            asyncio.get_running_loop().call_later(delay_seconds, self._write, text)
        else:
            self._write(text)

    def _write(self, text: bytes) -> None:
        if self._transport is not None:
            self._transport.write(text)


def _value(head: bytes, name: bytes) -> bytes:
    at = head.find(name)
    if at < 0:
        return b""
    at += len(name)
    return head[at : head.index(b"\r", at)].strip()


async def serve(delay_ms: float) -> None:
    """Serve on a free port until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    calls = Calls(loop, delay_ms / 1000)
    server = await loop.create_server(lambda: Connection(calls), "127.0.0.1", 0, backlog=4096)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.fast_sqs", description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    arguments = parser.parse_args()
    gc.disable()  # nothing here goes in circles, and a million messages are a lot to look through
    uvloop.run(serve(arguments.delay_ms))


if __name__ == "__main__":
    main()
