"""A real route at work, without the kernel: what ten messages cost.

The route is a `RunningRoute` with its own poller, dispatcher and settler, over the real HTTP
target, observed by the real metrics and statistics. What is not real is outside of it: an event
loop whose clock stands still and whose connections respond at once, and a source that is given one
response of ReceiveMessage after the other.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import selectors
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.sqs.json_protocol import (
    RequestBodies,
    parse_batch_response,
    parse_receive_response,
)
from gateway.adapters.sqs.signed_requests import SignedRequests
from gateway.adapters.telemetry.metrics import Metrics
from gateway.adapters.telemetry.observers import Observers
from gateway.adapters.telemetry.statistics import Statistics
from gateway.aiokit.write_batch import WriteBatch
from gateway.core.events import TableInForce
from gateway.core.routing.route import RoutingTable
from gateway.ports import Batch, SourceTraits
from gateway.runtime.poll_budget import PollBudget
from gateway.runtime.running_route import RunningRoute
from tests.builders import route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.messages.message import Message
    from gateway.core.rollout.plan import Plan
    from gateway.core.routing.version import Version
    from gateway.ports import EntryError

RESPONSE: Final = b"HTTP/1.1 204 No Content\r\ndate: Sun, 29 Nov 2026 01:00:00 GMT\r\n\r\n"
URL: Final = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
BODY: Final = json.dumps({"id": "o-1234567", "rest": "x" * 390})
DELETED: Final = json.dumps(
    {"Successful": [{"Id": str(n)} for n in range(10)], "Failed": []}
).encode()
COUNTED_AFTER: Final = 20
"""The clock stands still, so nothing is counted by itself. A busy route counts less often."""
_KEYS: Final = SimpleNamespace(access_key="AKIDEXAMPLE", secret_key="secret", token=None)


def receives(count: int) -> list[bytes]:
    """Make responses to ReceiveMessage, of ten messages each, one in ten of them pinned."""
    return [
        json.dumps({"Messages": [_raw(first + n) for n in range(10)]}).encode()
        for first in range(0, 10 * count, 10)
    ]


def _raw(n: int) -> dict[str, Any]:
    raw = {
        "MessageId": f"b6d2a1c4-1111-4222-8333-{n:012d}",
        "ReceiptHandle": "AQEB" + "x" * 180,
        "MD5OfBody": "0" * 32,
        "Body": BODY,
        "Attributes": {
            "SenderId": "AIDAIOSFODNN7EXAMPLE",
            "ApproximateFirstReceiveTimestamp": "1700000001456",
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1700000000456",
        },
    }
    if n % 10 == 0:
        raw["MessageAttributes"] = {"version": {"DataType": "String", "StringValue": "v2"}}
    return raw


class Wire:
    """A transport to a service that responds at once to each request."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any) -> None:
        self._loop, self._protocol = loop, protocol

    def write(self, data: bytes) -> None:
        self._loop.call_soon(self._protocol.data_received, RESPONSE)

    def abort(self) -> None:
        self._loop.call_soon(self._protocol.connection_lost, None)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class StandingSelector(selectors.SelectSelector):
    """Never waits, and finds nothing to read."""

    def select(self, timeout: float | None = None) -> list[Any]:
        return []


class StandingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still and whose connections are wires."""

    def __init__(self) -> None:
        super().__init__(StandingSelector())

    def time(self) -> float:
        return 1.0

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    async def create_connection(self, protocol_factory: Any, *_: Any, **__: Any) -> Any:
        protocol = protocol_factory()
        wire = Wire(self, protocol)
        protocol.connection_made(wire)
        return wire, protocol


class GivenSource:
    """A `Source` that has the responses it is given, and confirms every delete."""

    def __init__(self) -> None:
        self._calls = RequestBodies(URL)
        self._requests = SignedRequests(
            "sqs.eu-west-1.amazonaws.com", "eu-west-1", clock=lambda: 1e9
        )
        self._responses: asyncio.Queue[bytes] = asyncio.Queue()
        self.acked = asyncio.Event()

    def give(self, response: bytes) -> None:
        """Let the next receive have this response."""
        self.acked.clear()
        self._responses.put_nowait(response)

    async def open(self) -> SourceTraits:
        return SourceTraits(URL, 60)

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        return parse_receive_response(await self._responses.get())

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        body = self._calls.delete(receipts)
        self._requests.render("AmazonSQS.DeleteMessageBatch", body, _KEYS)
        self.acked.set()
        return parse_batch_response("delete", DELETED, len(receipts))

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        raise AssertionError("nothing is extended or released here")

    async def dead_letter(self, message: Message, attributes: Mapping[str, str]) -> tuple[str, ...]:
        raise AssertionError("nothing is rejected here")

    async def close(self) -> None:
        """Nothing to close."""


class Passing:
    """Ten messages: received, decided, sent, responded to, deleted, reported.

    With a `plan` they are evidence of its canary, and counted every `COUNTED_AFTER` calls.
    """

    def __init__(self, plan: Plan | None = None) -> None:
        self._loop = StandingLoop()
        self._carried = 0
        of = route({"stable": 90, "canary": 10}, plan=plan)
        metrics, statistics = Metrics(), Statistics()
        for each in (metrics, statistics):
            each.observe(TableInForce(RoutingTable((of,), "x"), 1))
        self._write_batch = WriteBatch()
        self._source = GivenSource()
        self._route = RunningRoute(
            of,
            self._source,
            self._target,
            Observers(metrics, statistics),
            poll_budget=PollBudget(0),
            wall=lambda: 1_700_000_000.0,
            random=lambda: 0.5,
        )
        self._running: asyncio.Task[None] | None = None

    def carry(self, response: bytes) -> None:
        """Let ten messages pass."""
        if self._running is None:
            self._running = self._loop.create_task(self._route.run())
            atexit.register(self._close)
        self._source.give(response)
        self._loop.run_until_complete(self._passed())
        self._carried += 1
        if self._carried % COUNTED_AFTER == 0:
            self._route.counting.advance()

    async def _passed(self) -> None:
        await self._source.acked.wait()
        while self._route.view().in_flight:  # noqa: ASYNC110 - so many turns of the loop, no more
            await asyncio.sleep(0)

    def _close(self) -> None:
        self._loop.run_until_complete(self._stopped())
        self._loop.close()

    async def _stopped(self) -> None:
        assert self._running is not None
        self._route.halt()
        await self._running

    def _target(self, version: Version) -> NativeTarget:
        return NativeTarget(version.url, version.headers, write_batch=self._write_batch)
