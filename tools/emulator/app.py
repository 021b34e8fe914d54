"""The emulator as a whole: it runs operations, and responds at once or later."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, assert_never

from pydantic_core import to_json

from tools.emulator import affected, faults, operations
from tools.emulator.errors import SqsError
from tools.emulator.faults import Cut, Mangling
from tools.emulator.message_operations import wait_seconds
from tools.emulator.polls import Polls
from tools.emulator.registry import Call, Registry

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tools.emulator.faults import Fault, Intercept
    from tools.emulator.polls import Poll

    Reply = Callable[["Response | None"], None]
    """Takes the response, or None for a connection that breaks instead."""

EMPTY_RECEIVE = "(empty receive)"
"""The name that empty responses are counted under, beside the operations."""

_GARBAGE: Final = b"<html><body>Welcome to the hotel's network</body></html>"

READINGS: Final = 20
"""Of both clocks, of which the quickest counts."""


class Response(NamedTuple):
    """The response to the client; `query_error` marks an error, as the real service does.

    After `breaks_at` bytes of the body the connection is closed.
    """

    status: int
    body: bytes
    query_error: str = ""
    breaks_at: int | None = None


class Exchange(NamedTuple):
    """One request without a response so far."""

    operation: str
    call: Call
    fault: Fault
    reply: Reply


class Emulator:
    """Runs operations on the queues and responds through a callback.

    `intercept` may be replaced at any time; each response is `round_trip_seconds` late.
    `injected` counts faults by kind and operation.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        clock: Callable[[], float] | None = None,
        round_trip_seconds: float = 0.0,
        region: str = "us-east-1",
    ) -> None:
        self.clock = clock or steady_clock()
        self.registry = Registry(lambda: str(uuid.uuid4()), region)
        self.polls = Polls(self.registry, self.clock, loop)
        self.intercept: Intercept = faults.no_faults
        self.injected: Counter[tuple[str, str]] = Counter()
        self._hanging: list[Reply] = []
        self._loop = loop
        self._round_trip_seconds = round_trip_seconds

    def submit(
        self, operation: str, body: bytes, base_url: str, reply: Reply, authorization: str = ""
    ) -> Poll | None:
        """Run one operation; a long poll that has to wait is returned, for cancelling it."""
        try:
            request = operations.request_of(operation, body)
            call = Call(request, base_url, self.clock(), authorization)
        except SqsError as error:
            self._send(_response(error), reply, 0)
            return None
        self.registry.count(call, operation)
        fault = self.intercept(operation, call.request) or faults.NONE
        exchange = Exchange(operation, call, fault, reply)
        if fault.cut is Cut.BEFORE_EFFECT:
            self._respond({}, exchange)
            return None
        return self._run(exchange)

    def calm_down(self) -> None:
        """Inject no faults from now on; connections that hang are closed."""
        self.intercept = faults.no_faults
        hanging, self._hanging = self._hanging, []
        for reply in hanging:
            reply(None)

    def _run(self, exchange: Exchange) -> Poll | None:
        call = exchange.call
        try:
            receiving = exchange.operation == "ReceiveMessage"
            seconds = wait_seconds(self.registry, call) if receiving else 0
            result = operations.run(exchange.operation, self.registry, call, exchange.fault)
        except SqsError as error:
            self._respond(error, exchange)
            return None
        if seconds and not result:
            return self._wait(exchange, seconds)
        if receiving and not result:
            self.registry.count(call, EMPTY_RECEIVE)
        self._respond(result, exchange)
        self.polls.serve()
        return None

    def _wait(self, exchange: Exchange, seconds: float) -> Poll:
        def done(result: dict[str, Any] | SqsError) -> None:
            if not result:
                self.registry.count(exchange.call, EMPTY_RECEIVE)
            self._respond(result, exchange)

        return self.polls.wait(exchange.call, seconds, done)

    def _respond(self, result: dict[str, Any] | SqsError, exchange: Exchange) -> None:
        fault, reply = exchange.fault, exchange.reply
        if fault.kind:
            self._record_fault(result, exchange)
        if fault.cut is None:
            response = _response(result)
            if fault.mangling is not None:
                response = _mangled(response, fault.mangling)
            self._send(response, reply, fault.delay_seconds)
        elif fault.silent:
            self._hanging.append(reply)
        else:
            self._send(None, reply, fault.delay_seconds)

    def _send(self, response: Response | None, reply: Reply, delay_seconds: float) -> None:
        delay_seconds += self._round_trip_seconds
        if delay_seconds:
            self._loop.call_later(delay_seconds, reply, response)
        else:
            reply(response)

    def _record_fault(self, result: dict[str, Any] | SqsError, exchange: Exchange) -> None:
        fault, operation, call = exchange.fault, exchange.operation, exchange.call
        found = {} if isinstance(result, SqsError) else result
        touched = affected.messages(self.registry, call, found, fault)
        if fault.again is not None and not touched:
            return  # no message was leased, so none could be received again
        self.injected[fault.kind, operation] += 1
        now = self.clock()
        for message in touched:
            message.note(now, f"{operation} {fault.kind}")


def steady_clock() -> Callable[[], float]:
    """Return a clock in seconds since the epoch that never goes back.

    Clocks of several processes agree: a process that has to wait for a core between two readings
    takes others.
    """
    _, start = min(_read_start() for _ in range(READINGS))
    return lambda: start + time.monotonic()


def _read_start() -> tuple[float, float]:
    """Return how long a reading took, and when the monotonic clock was 0."""
    before = time.monotonic()
    wall = time.time()
    after = time.monotonic()
    return after - before, wall - (before + after) / 2


def _response(result: dict[str, Any] | SqsError) -> Response:
    if isinstance(result, SqsError):
        return Response(result.status, to_json(result.body()), result.query_error)
    return Response(200, to_json(result))


def _mangled(response: Response, mangling: Mangling) -> Response:
    half = len(response.body) // 2
    match mangling:
        case Mangling.CUT_JSON:
            return response._replace(body=response.body[:half])
        case Mangling.CUT_BODY:
            return response._replace(breaks_at=half)
        case Mangling.GARBAGE:
            return Response(200, _GARBAGE)
        case _:
            assert_never(mangling)
