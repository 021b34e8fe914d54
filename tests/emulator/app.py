"""The emulator as a whole: an operation comes in, an answer goes out, perhaps later."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import to_json

from tests.emulator import faults, operations
from tests.emulator.errors import SqsError
from tests.emulator.faults import Cut
from tests.emulator.message_operations import wait_seconds
from tests.emulator.polls import Polls
from tests.emulator.registry import Call, Registry

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tests.emulator.faults import Fault, Intercept
    from tests.emulator.polls import Poll

    Reply = Callable[["Response | None"], None]
    """Takes the answer, or None for a connection that breaks instead."""

EMPTY_RECEIVE = "(empty receive)"
"""What the ledger counts an empty answer under, beside the operations."""


class Response(NamedTuple):
    """What goes back to the client; `query_error` marks an error, as the real service does."""

    status: int
    body: bytes
    query_error: str = ""


class Emulator:
    """Runs operations on the model and answers through a callback.

    `intercept` may be replaced at any time; `round_trip_seconds` is added to each answer.
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
        self._loop = loop
        self._round_trip_seconds = round_trip_seconds

    def submit(self, operation: str, body: bytes, base_url: str, reply: Reply) -> Poll | None:
        """Run one operation; a long poll that has to wait is returned, for cancelling it."""
        try:
            call = Call(operations.request_of(operation, body), base_url, self.clock())
        except SqsError as error:
            self._respond(error, reply, faults.NONE)
            return None
        self.registry.count(call, operation)
        fault = self.intercept(operation, call.request) or faults.NONE
        if fault.cut is Cut.BEFORE_EFFECT:
            reply(None)
            return None
        return self._run(operation, call, fault, reply)

    def _run(self, operation: str, call: Call, fault: Fault, reply: Reply) -> Poll | None:
        try:
            receiving = operation == "ReceiveMessage"
            seconds = wait_seconds(self.registry, call) if receiving else 0
            answer = operations.run(operation, self.registry, call, fault)
        except SqsError as error:
            self._respond(error, reply, fault)
            return None
        if seconds and not answer:
            return self._wait(call, seconds, fault, reply)
        if receiving and not answer:
            self.registry.count(call, EMPTY_RECEIVE)
        self._respond(answer, reply, fault)
        self.polls.serve()
        return None

    def _wait(self, call: Call, seconds: float, fault: Fault, reply: Reply) -> Poll:
        def done(answer: dict[str, Any] | SqsError) -> None:
            if not answer:
                self.registry.count(call, EMPTY_RECEIVE)
            self._respond(answer, reply, fault)

        return self.polls.wait(call, seconds, done)

    def _respond(self, answer: dict[str, Any] | SqsError, reply: Reply, fault: Fault) -> None:
        response = None if fault.cut is Cut.AFTER_EFFECT else _response(answer)
        delay_seconds = self._round_trip_seconds + fault.delay_seconds
        if delay_seconds:
            self._loop.call_later(delay_seconds, reply, response)
        else:
            reply(response)


def steady_clock() -> Callable[[], float]:
    """Return a clock in seconds since the epoch that never goes back."""
    start = time.time() - time.monotonic()
    return lambda: start + time.monotonic()


def _response(answer: dict[str, Any] | SqsError) -> Response:
    if isinstance(answer, SqsError):
        return Response(answer.status, to_json(answer.body()), answer.query_error)
    return Response(200, to_json(answer))
