"""The operations of the fast SQS, and the receives that wait for messages."""

from __future__ import annotations

import time
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json, to_json

from tools.bench.fast_sqs.queue import FastQueue
from tools.bench.fast_sqs.rendering import Draft, Wanted, wanted
from tools.emulator.errors import SqsError, no_such_queue
from tools.emulator.messages import sha256
from tools.emulator.queues import error_for

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    from tools.sqs_model.queue import Refusal

    Respond = Callable[..., None]
    """Takes the response, and the value of `x-amzn-query-error` where it is an error."""

_LONGEST_CACHED: Final = 2_000


class Waiting:
    """A receive that waits for messages; cancelled when its connection is closed."""

    __slots__ = ("deadline", "limit", "respond", "seconds", "wanted")

    def __init__(self, limit: int, seconds: int, names: Wanted, respond: Respond) -> None:
        self.limit, self.seconds, self.wanted = limit, seconds, names
        self.respond: Respond | None = respond
        self.deadline: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Wait no more."""
        self.respond = None
        if self.deadline is not None:
            self.deadline.cancel()


class Calls:
    """All queues and the receives that wait at them.

    Each response is sent `delay_seconds` late.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_seconds: float = 0.0) -> None:
        self.delay_seconds = delay_seconds
        self.queues: dict[str, FastQueue] = {}
        self.flowing: set[asyncio.Task[None]] = set()
        self.loop = loop
        self._waiting: dict[str, deque[Waiting]] = {}
        self._timers: dict[str, tuple[float, asyncio.TimerHandle]] = {}

    def run(self, operation: bytes, body: bytes, base_url: str, respond: Respond) -> Waiting | None:
        """Respond, or return the receive that waits."""
        request = _cached(body) if len(body) < _LONGEST_CACHED else from_json(body)
        name = request.get("QueueName") or request["QueueUrl"].rpartition("/")[2]
        if operation == b"createqueue":
            attributes = request.get("Attributes") or {}
            self.queues.setdefault(name, FastQueue(name, attributes, len(self.queues) + 1))
        queue = self.queues.get(name)
        if queue is None:
            _respond_error(no_such_queue(), respond)
            return None
        queue.operations[_NAMES[operation]] += 1
        if operation == b"receivemessage":
            return self._receive(queue, request, respond)
        try:
            response = _OPERATIONS[operation](self, queue, request, base_url)
        except SqsError as error:
            _respond_error(error, respond)
        else:
            respond(to_json(response))
        return None

    def changed(self, queue: FastQueue) -> None:
        """Respond to receives that wait, as long as there are messages."""
        waiting = self._waiting.get(queue.name)
        if not waiting:
            return
        now = time.time()
        queue.advance(now)
        while waiting and queue.visible:
            it = waiting.popleft()
            if it.respond is None:
                continue
            found = queue.receive(it.limit, it.seconds, now, it.wanted)
            if not found:  # what is visible is in groups that are blocked
                waiting.appendleft(it)
                break
            respond = it.respond
            it.cancel()
            respond(b'{"Messages":[%b]}' % found)
        self._arm(queue, now)

    def unblocked(self, queue: FastQueue) -> None:
        """Respond to receives that wait: deletes unblock groups."""
        if queue.fifo:
            self.changed(queue)

    def reset(self) -> None:
        """Forget everything; receives that wait get an empty response."""
        for task in self.flowing:
            task.cancel()
        for _, timer in self._timers.values():
            timer.cancel()
        for waiting in self._waiting.values():
            for it in waiting:
                if it.respond is not None:
                    it.respond(b"{}")
                it.cancel()
        self.queues.clear()
        self._waiting.clear()
        self._timers.clear()

    def _receive(
        self, queue: FastQueue, request: Mapping[str, Any], respond: Respond
    ) -> Waiting | None:
        now = time.time()
        limit = request.get("MaxNumberOfMessages") or 1
        asked = request.get("VisibilityTimeout")
        seconds = queue.visibility_seconds if asked is None else asked
        names = wanted(request)
        found = queue.receive(limit, seconds, now, names)
        wait_seconds = request.get("WaitTimeSeconds") or 0
        if found or not wait_seconds:
            queue.empty_receives += not found
            respond(b'{"Messages":[%b]}' % found if found else b"{}")
            return None
        waiting = Waiting(limit, seconds, names, respond)
        waiting.deadline = self.loop.call_later(wait_seconds, self._time_out, queue, waiting)
        self._waiting.setdefault(queue.name, deque()).append(waiting)
        self._arm(queue, now)
        return waiting

    def _time_out(self, queue: FastQueue, waiting: Waiting) -> None:
        respond = waiting.respond
        waiting.cancel()
        if respond is not None:
            queue.empty_receives += 1
            respond(b"{}")
        others = self._waiting.get(queue.name)
        while others and others[0].respond is None:
            others.popleft()

    def _arm(self, queue: FastQueue, now: float) -> None:
        """While receives wait, look again when the next lease ends."""
        end = queue.next_end() if self._waiting.get(queue.name) else None
        timer = self._timers.get(queue.name)
        if end is None or (timer is not None and timer[0] <= end):
            return
        if timer is not None:
            timer[1].cancel()
        self._timers[queue.name] = end, self.loop.call_later(max(0.0, end - now), self._wake, queue)

    def _wake(self, queue: FastQueue) -> None:
        self._timers.pop(queue.name, None)
        self.changed(queue)


def _respond_error(error: SqsError, respond: Respond) -> None:
    respond(to_json(error.body()), error.query_error.encode())


@lru_cache(64)
def _cached(body: bytes) -> Any:
    """Cache: all receives are alike."""
    return from_json(body)


def _url(_calls: Calls, queue: FastQueue, _request: Mapping[str, Any], base: str) -> Any:
    return {"QueueUrl": f"{base}/000000000000/{queue.name}"}


def _attributes(calls: Calls, queue: FastQueue, _request: Mapping[str, Any], _base: str) -> Any:
    counts = {
        "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{queue.name}",
        "ApproximateNumberOfMessages": str(queue.visible),
        "ApproximateNumberOfMessagesNotVisible": str(queue.leased),
        "ReceiveMessageWaitTimeSeconds": "0",
    }
    return {"Attributes": {"VisibilityTimeout": "30", **queue.attributes, **counts}}


def _send(calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    response = _sent(queue, request)
    calls.changed(queue)
    return response


def _send_batch(calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    done = [{"Id": entry["Id"], **_sent(queue, entry)} for entry in request["Entries"]]
    calls.changed(queue)
    return {"Successful": done}


def _sent(queue: FastQueue, entry: Mapping[str, Any]) -> dict[str, str]:
    now, body = time.time(), entry["MessageBody"]
    draft = Draft(body, entry.get("MessageAttributes") or {}, now)
    group = deduplication_id = None
    if queue.fifo:
        group = entry["MessageGroupId"]
        deduplication_id = entry.get("MessageDeduplicationId") or sha256(body)
    message = queue.send(draft, now, group, deduplication_id)
    response = {"MessageId": message.message_id.decode()}
    response["MD5OfMessageBody"] = message.body_md5.decode()
    if draft.attributes_md5:
        response["MD5OfMessageAttributes"] = draft.attributes_md5
    return response


def _delete(calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    receipt = request["ReceiptHandle"]
    (refusal,) = queue.delete([receipt], time.time())
    if refusal is not None:
        raise error_for(refusal, receipt)
    calls.unblocked(queue)
    return {}


def _delete_batch(calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    entries = request["Entries"]
    refusals = queue.delete([entry["ReceiptHandle"] for entry in entries], time.time())
    calls.unblocked(queue)
    return _results(entries, refusals)


def _change(calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    receipt, seconds = request["ReceiptHandle"], request["VisibilityTimeout"]
    refusal = queue.change_visibility(receipt, seconds, time.time())
    if refusal is not None:
        raise error_for(refusal, receipt, seconds)
    calls.changed(queue)
    return {}


def _change_batch(calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    now, entries = time.time(), request["Entries"]
    refusals = [
        queue.change_visibility(entry["ReceiptHandle"], entry["VisibilityTimeout"], now)
        for entry in entries
    ]
    calls.changed(queue)
    return _results(entries, refusals)


def _results(entries: Sequence[Mapping[str, Any]], refusals: Sequence[Refusal | None]) -> Any:
    if not any(refusals):
        return {"Successful": [{"Id": entry["Id"]} for entry in entries]}
    response: dict[str, Any] = {"Successful": [], "Failed": []}
    for entry, refusal in zip(entries, refusals, strict=True):
        if refusal is None:
            response["Successful"].append({"Id": entry["Id"]})
        else:
            error = error_for(refusal, entry["ReceiptHandle"], entry.get("VisibilityTimeout", 0))
            response["Failed"].append(error.entry(entry["Id"]))
    return response


_OPERATIONS: Final[dict[bytes, Callable[..., Any]]] = {
    b"createqueue": _url,
    b"getqueueurl": _url,
    b"getqueueattributes": _attributes,
    b"sendmessage": _send,
    b"sendmessagebatch": _send_batch,
    b"deletemessage": _delete,
    b"deletemessagebatch": _delete_batch,
    b"changemessagevisibility": _change,
    b"changemessagevisibilitybatch": _change_batch,
}
_NAMES: Final = {
    name.lower().encode(): name
    for name in (
        "CreateQueue", "GetQueueUrl", "GetQueueAttributes", "ReceiveMessage", "SendMessage",
        "SendMessageBatch", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
    )
}  # fmt: skip
