"""What the fast SQS answers to each operation, and the receives that wait for messages."""

from __future__ import annotations

import time
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json, to_json

from tools.bench.fast_sqs.queue import FastQueue
from tools.bench.fast_sqs.rendering import Draft, Wanted, wanted

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    Responded = Callable[..., None]
    """Takes the answer, and the name of an error where it is one."""

_NO_QUEUE: Final = b"AWS.SimpleQueueService.NonExistentQueue"
_NO_RECEIPT: Final = {"Code": "ReceiptHandleIsInvalid", "Message": "none of ours"}
_LONGEST_CACHED: Final = 2_000


class Waiting:
    """A receive that waits for messages; whoever hung up cancels it."""

    __slots__ = ("answered", "deadline", "limit", "seconds", "wanted")

    def __init__(self, limit: int, seconds: int, names: Wanted, answered: Responded) -> None:
        self.limit, self.seconds, self.wanted = limit, seconds, names
        self.answered: Responded | None = answered
        self.deadline: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Wait no more."""
        self.answered = None
        if self.deadline is not None:
            self.deadline.cancel()


class Calls:
    """All queues and who waits at them. `delay_seconds` is what each answer takes on its way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_seconds: float = 0.0) -> None:
        self.delay_seconds = delay_seconds
        self.queues: dict[str, FastQueue] = {}
        self.flowing: set[asyncio.Task[None]] = set()
        self.loop = loop
        self._waiting: dict[str, deque[Waiting]] = {}
        self._alarms: dict[str, tuple[float, asyncio.TimerHandle]] = {}

    def run(self, operation: bytes, body: bytes, host: str, answered: Responded) -> Waiting | None:
        """Answer, or return the receive that waits."""
        request = _cached(body) if len(body) < _LONGEST_CACHED else from_json(body)
        name = request.get("QueueName") or request["QueueUrl"].rpartition("/")[2]
        if operation == b"createqueue":
            self.queues.setdefault(name, FastQueue(name, request.get("Attributes") or {}))
        queue = self.queues.get(name)
        if queue is None:
            answered(
                b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}', _NO_QUEUE
            )
            return None
        queue.operations[_NAMES[operation]] += 1
        if operation == b"receivemessage":
            return self._receive(queue, request, answered)
        answered(to_json(_OPERATIONS[operation](self, queue, request, f"http://{host}")))
        return None

    def changed(self, queue: FastQueue) -> None:
        """Answer those who wait, as far as there is something for them."""
        waiting = self._waiting.get(queue.name)
        if not waiting:
            return
        now = time.time()
        queue.advance(now)
        while waiting and queue.visible:
            it = waiting.popleft()
            if it.answered is not None:
                found = queue.receive(it.limit, it.seconds, now, it.wanted)
                answered = it.answered
                it.cancel()
                answered(b'{"Messages":[%b]}' % found)
        self._arm(queue, now)

    def reset(self) -> None:
        """Forget all; whoever waits gets an empty answer."""
        for task in self.flowing:
            task.cancel()
        for _, alarm in self._alarms.values():
            alarm.cancel()
        for waiting in self._waiting.values():
            for it in waiting:
                if it.answered is not None:
                    it.answered(b"{}")
                it.cancel()
        self.queues.clear()
        self._waiting.clear()
        self._alarms.clear()

    def _receive(
        self, queue: FastQueue, request: Mapping[str, Any], answered: Responded
    ) -> Waiting | None:
        now = time.time()
        queue.advance(now)
        limit = request.get("MaxNumberOfMessages") or 1
        asked = request.get("VisibilityTimeout")
        seconds = queue.visibility_seconds if asked is None else asked
        names = wanted(request)
        found = queue.receive(limit, seconds, now, names)
        wait_seconds = request.get("WaitTimeSeconds") or 0
        if found or not wait_seconds:
            queue.empty_receives += not found
            answered(b'{"Messages":[%b]}' % found if found else b"{}")
            return None
        waiting = Waiting(limit, seconds, names, answered)
        waiting.deadline = self.loop.call_later(wait_seconds, self._in_vain, queue, waiting)
        self._waiting.setdefault(queue.name, deque()).append(waiting)
        self._arm(queue, now)
        return waiting

    def _in_vain(self, queue: FastQueue, waiting: Waiting) -> None:
        answered = waiting.answered
        waiting.cancel()
        if answered is not None:
            queue.empty_receives += 1
            answered(b"{}")
        line = self._waiting.get(queue.name)
        while line and line[0].answered is None:
            line.popleft()

    def _arm(self, queue: FastQueue, now: float) -> None:
        """While somebody waits, look again when the next lease ends."""
        end = queue.next_end() if self._waiting.get(queue.name) else None
        alarm = self._alarms.get(queue.name)
        if end is None or (alarm is not None and alarm[0] <= end):
            return
        if alarm is not None:
            alarm[1].cancel()
        self._alarms[queue.name] = end, self.loop.call_later(max(0.0, end - now), self._ring, queue)

    def _ring(self, queue: FastQueue) -> None:
        self._alarms.pop(queue.name, None)
        self.changed(queue)


@lru_cache(64)
def _cached(body: bytes) -> Any:
    """Receives are all alike."""
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
    answer = _sent(queue, request)
    calls.changed(queue)
    return answer


def _send_batch(calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    done = [{"Id": entry["Id"], **_sent(queue, entry)} for entry in request["Entries"]]
    calls.changed(queue)
    return {"Successful": done}


def _sent(queue: FastQueue, entry: Mapping[str, Any]) -> dict[str, str]:
    draft = Draft(entry["MessageBody"], entry.get("MessageAttributes") or {}, time.time())
    message = queue.send(draft)
    answer = {"MessageId": message.message_id.decode()}
    answer["MD5OfMessageBody"] = message.body_md5.decode()
    if draft.attributes_md5:
        answer["MD5OfMessageAttributes"] = draft.attributes_md5
    return answer


def _delete(_calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    queue.delete([request["ReceiptHandle"]], time.time())
    return {}


def _delete_batch(_calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    entries = request["Entries"]
    return _each(entries, queue.delete([entry["ReceiptHandle"] for entry in entries], time.time()))


def _change(calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    queue.change_visibility(request["ReceiptHandle"], request["VisibilityTimeout"], time.time())
    calls.changed(queue)
    return {}


def _change_batch(calls: Calls, queue: FastQueue, request: Mapping[str, Any], _base: str) -> Any:
    now, entries = time.time(), request["Entries"]
    done = [
        queue.change_visibility(entry["ReceiptHandle"], entry["VisibilityTimeout"], now)
        for entry in entries
    ]
    calls.changed(queue)
    return _each(entries, done)


def _each(entries: Sequence[Mapping[str, Any]], done: Sequence[bool]) -> Any:
    answer: dict[str, Any] = {
        "Successful": [{"Id": e["Id"]} for e, fine in zip(entries, done, strict=True) if fine]
    }
    if not all(done):
        failed = [e["Id"] for e, fine in zip(entries, done, strict=True) if not fine]
        answer["Failed"] = [{"Id": name, "SenderFault": True, **_NO_RECEIPT} for name in failed]
    return answer


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
