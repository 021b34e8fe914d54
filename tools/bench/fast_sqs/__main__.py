"""An SQS for benchmarks: queues in memory, AWS JSON 1.0, a few microseconds a message.

    python -m tools.bench.fast_sqs [--delay-ms 10] [--tls CERTIFICATE.pem]

The rules are those of tools/sqs_model, as in tools/emulator. It knows only the calls that the peers
make: no delays, no redrive policy, no receive attempts, no faults, and it accepts every signature.
With --tls, a file with key and certificates, it listens on a second port for https.
`/_fill`, `/_reset` and `/_history/QUEUE` are as in the emulator; more of its own:

    POST /_flow   {"queues", "rate", "seconds", "body", "share", "attributes"}: messages from now
                  on, evenly over time and by turns over the queues
    POST /_delay  {"ms"}: how late each response is sent, instead of --delay-ms

In a body `@now` becomes the time of sending, `@message-no@` the number of the message.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import ssl
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
    """One connection, one request at a time; searching the head is far cheaper than parsing it."""

    def __init__(self, calls: Calls, scheme: str) -> None:
        self._calls = calls
        self._scheme = scheme
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
            base_url = f"{self._scheme}://{host}"
            self._waiting = self._calls.run(operation, body, base_url, self._respond)
            return
        method, path, _ = as_sent.split(b" ", 2)
        status, response = respond(self._calls, method.decode(), path.decode(), body)
        self._write(_HEAD % (status, b"", len(response)) + response)

    def _respond(self, response: bytes, error: bytes = b"") -> None:
        self._waiting = None
        status, query_error = (400, _QUERY_ERROR % error) if error else (200, b"")
        text = _HEAD % (status, query_error, len(response)) + response
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


async def serve(delay_ms: float, certificate: str | None) -> None:
    """Serve on free ports until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    calls = Calls(loop, delay_ms / 1000)
    servers = {"http": await _listen(calls, "http", None)}
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
        servers["https"] = await _listen(calls, "https", tls)
    urls = [f"{scheme}://127.0.0.1:{_port(server)}" for scheme, server in servers.items()]
    print("listening on", *urls, flush=True)
    await stop.wait()
    for server in servers.values():
        server.close()


async def _listen(calls: Calls, scheme: str, tls: ssl.SSLContext | None) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(
        lambda: Connection(calls, scheme), "127.0.0.1", 0, backlog=4096, ssl=tls
    )


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.fast_sqs", description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--tls", metavar="CERTIFICATE.pem")
    arguments = parser.parse_args()
    gc.disable()  # nothing here is a cycle, and to look through a million messages takes long
    uvloop.run(serve(arguments.delay_ms, arguments.tls))


if __name__ == "__main__":
    main()
