"""A route with all its parts but the kernel and the loop: what ten messages cost."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from gateway.adapters.http.native_target import HttpTarget
from gateway.adapters.http1.connection import Connection
from gateway.adapters.sqs.json_protocol import Calls, received, settled
from gateway.adapters.sqs.signed_requests import SignedRequests
from gateway.adapters.telemetry.metrics import Metrics
from gateway.adapters.telemetry.observers import Observers
from gateway.adapters.telemetry.statistics import Statistics
from gateway.aiokit.write_batch import WriteBatch
from gateway.core.events import Action, Received, Settled, TableInForce
from gateway.core.routing.route import RoutingTable
from gateway.runtime.courier import Courier
from gateway.runtime.in_flight import Hand
from gateway.runtime.limiter import Lanes
from gateway.runtime.permits import Permits
from gateway.runtime.settler import Settler
from tests.builders import route

if TYPE_CHECKING:
    from gateway.core.routing.version import Version
    from gateway.ports import Source

ANSWER = b"HTTP/1.1 204 No Content\r\ndate: Sun, 29 Nov 2026 01:00:00 GMT\r\n\r\n"
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
BODY = json.dumps({"id": "o-1234567", "rest": "x" * 390})
DELETED = json.dumps({"Successful": [{"Id": str(n)} for n in range(10)], "Failed": []}).encode()
_KEYS = SimpleNamespace(access_key="AKIDEXAMPLE", secret_key="secret", token=None)


def receives(count: int) -> list[bytes]:
    """Make answers to ReceiveMessage, of ten messages each, one in ten of them pinned."""
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


class Nobody:
    """Nothing to write."""

    def write(self) -> None:
        pass


_NOBODY = Nobody()


class Wire:
    """A transport that takes everything."""

    def __init__(self) -> None:
        self.wire = b""

    def write(self, data: bytes) -> None:
        self.wire = data

    def abort(self) -> None:
        raise AssertionError("nothing here ends a connection")

    def get_write_buffer_size(self) -> int:
        return 0


class Clockwork:
    """What is used of an event loop."""

    def time(self) -> float:
        return 1.0

    def call_at(self, when: float, do: Any, *_: Any) -> Any:
        return self

    def cancel(self) -> None:
        pass

    def when(self) -> float:
        return 0.0


class Passing:
    """Ten messages: answer read, taken in hand, decided, sent, answered, deleted, told."""

    def __init__(self) -> None:
        of = route({"stable": 90, "canary": 10})
        metrics, statistics = Metrics(), Statistics()
        for each in (metrics, statistics):
            each.observe(TableInForce(RoutingTable((of,), "x"), 1))
        self._observer = observer = Observers(metrics, statistics)
        self._write_batch = WriteBatch()
        self._write_batch._writers = [_NOBODY]  # so that no loop is asked for
        self._route = of
        self._lanes = Lanes(self._target)
        self._lanes.adopt(of)
        self._hand, self._permits = Hand(), Permits(200)
        nowhere = cast("Source", None)
        self._settler = Settler(
            route=of.name, queue=nowhere, hand=self._hand, observer=observer,
            on_settled=self._settled, permits=self._permits, linger_seconds=1.0,
        )  # fmt: skip
        self._courier = Courier(
            route=of, queue=nowhere, lanes=self._lanes, hand=self._hand, settler=self._settler,
            observer=observer, wall=lambda: 1_700_000_000.0, random=lambda: 0.5,
        )  # fmt: skip
        self._courier.clock = lambda: 1.0
        self._courier._later = lambda *_: cast("Any", None)
        self._calls = Calls(URL)
        self._posts = SignedRequests("sqs.eu-west-1.amazonaws.com", "eu-west-1", clock=lambda: 1e9)

    def _target(self, version: Version) -> HttpTarget:
        target = HttpTarget(version.url, version.headers, write_batch=self._write_batch)
        for _ in range(20):
            connection = Connection(target._pool, cast("Any", Clockwork()))
            connection.connection_made(cast("Any", Wire()))
            target._pool.idle[connection] = None
        return target

    def _settled(self, entries: Any, _confirmed: object) -> None:
        held = 0
        for entry in entries:
            held += entry.held_bytes
        self._permits.give(len(entries), held)

    def carry(self, answer: bytes) -> None:
        """Carry ten messages."""
        messages = received(answer)
        grant = self._take(len(messages))
        fresh = self._hand.take(messages, 0.0, 60.0, 30.0)
        legs = self._courier.legs
        for entry in fresh:
            entry.begin(legs)
        self._permits.use(grant, [entry.held_bytes for entry in fresh])
        self._observer.observe(Received(self._route.name, len(messages)))
        writers, self._write_batch._writers = self._write_batch._writers[1:], [_NOBODY]
        for connection in writers:
            connection.write()
        for connection in writers:
            connection.data_received(ANSWER)  # type: ignore[attr-defined]
        self._courier.tell()
        batch = self._settler._waiting_deletes[:]
        self._settler._waiting_deletes.clear()
        receipts = [each.receipt for each in batch]
        self._posts.render("AmazonSQS.DeleteMessageBatch", self._calls.delete(receipts), _KEYS)
        assert not settled("delete", DELETED, len(batch))
        self._settler._ended(batch, confirmed=True)
        self._observer.observe(Settled(self._route.name, Action.DELETE, len(batch)))

    def _take(self, count: int) -> Any:
        coroutine = self._permits.take(count)
        try:
            coroutine.send(None)
        except StopIteration as ended:
            return ended.value
        raise AssertionError
