"""The operations on messages. Each takes registry and call, and returns the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.demo.senders import sender_id
from tools.emulator import batches, drafts, errors, responses
from tools.emulator.messages import attributes_md5
from tools.sqs_model.message import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.emulator.messages import Message
    from tools.emulator.queues import Queue
    from tools.emulator.registry import Call, Registry

Result = dict[str, Any]
MAX_IN_FLIGHT: Final = 120_000


def send_message(registry: Registry, call: Call) -> Result:
    return _send(registry, registry.find(call), call.request, call)


def send_message_batch(registry: Registry, call: Call) -> Result:
    queue = registry.find(call)
    entries = batches.entries_of(call.request)
    batches.check_size(sum(drafts.size_of(entry) for entry in entries))
    return batches.run(entries, lambda entry: _send(registry, queue, entry, call))


def receive_message(registry: Registry, call: Call) -> Result:
    """Receive once, without waiting; :class:`Polls` repeats it."""
    queue, request = registry.find(call), call.request
    limit = _ranged(request, "MaxNumberOfMessages", 1, 10, 1)
    visibility = _ranged(request, "VisibilityTimeout", 0, 43_200, queue.traits.visibility_seconds)
    attempt_id = request.get("ReceiveRequestAttemptId") or ""
    if attempt_id and not queue.traits.fifo:
        reason = "The request include parameter that is not valid for this queue type."
        raise errors.invalid_value(attempt_id, "ReceiveRequestAttemptId", reason)
    _check_in_flight(queue)
    messages = queue.receive(limit, visibility, call.now, attempt_id)
    if not messages:
        return {}
    return {"Messages": [_received(message, request) for message in messages]}


def receive_again(registry: Registry, call: Call, result: Result, draw: float) -> Result:
    """Add a message that is leased already to what was received, where there is one."""
    queue, request = registry.find(call), call.request
    visibility = _ranged(request, "VisibilityTimeout", 0, 43_200, queue.traits.visibility_seconds)
    if len(result.get("Messages", ())) >= _ranged(request, "MaxNumberOfMessages", 1, 10, 1):
        return result
    message = queue.receive_again(draw, visibility, call.now)
    if message is None:
        return result
    return {"Messages": [*result.get("Messages", ()), _received(message, request)]}


def wait_seconds(registry: Registry, call: Call) -> int:
    """Return how long a receive may wait for messages."""
    queue = registry.find(call)
    return _ranged(call.request, "WaitTimeSeconds", 0, 20, queue.traits.wait_seconds)


def delete_message(registry: Registry, call: Call) -> Result:
    registry.find(call).delete(_receipt(call.request), call.now)
    return {}


def delete_message_batch(registry: Registry, call: Call) -> Result:
    queue = registry.find(call)

    def delete(entry: batches.Entry) -> Result:
        queue.delete(_receipt(entry), call.now)
        return {}

    return batches.run(batches.entries_of(call.request), delete)


def change_message_visibility(registry: Registry, call: Call) -> Result:
    return _change_visibility(registry.find(call), call.request, call.now)


def change_message_visibility_batch(registry: Registry, call: Call) -> Result:
    queue = registry.find(call)
    entries = batches.entries_of(call.request)
    return batches.run(entries, lambda entry: _change_visibility(queue, entry, call.now))


def _received(message: Message, request: Mapping[str, Any]) -> Result:
    system = request.get("MessageSystemAttributeNames") or request.get("AttributeNames") or ()
    return responses.received(message, system, request.get("MessageAttributeNames") or ())


def _send(registry: Registry, queue: Queue, request: Mapping[str, Any], call: Call) -> Result:
    draft = drafts.draft_of(request, queue.traits)
    delay_seconds = drafts.delay_of(request, queue.traits)
    sender = sender_id(call.authorization)
    message = queue.send(draft, registry.new_id(), call.now, delay_seconds, sender)
    result = {"MessageId": message.message_id, "MD5OfMessageBody": message.draft.body_md5}
    if message.draft.attributes:
        result["MD5OfMessageAttributes"] = message.draft.attributes_md5
    if message.draft.trace_header:
        system = request["MessageSystemAttributes"]
        result["MD5OfMessageSystemAttributes"] = attributes_md5(system)
    if queue.traits.fifo:
        result["SequenceNumber"] = responses.sequence_number(message)
    return result


def _change_visibility(queue: Queue, request: Mapping[str, Any], now: float) -> Result:
    receipt = _receipt(request)
    if request.get("VisibilityTimeout") is None:
        raise errors.missing("VisibilityTimeout")
    queue.change_visibility(receipt, _ranged(request, "VisibilityTimeout", 0, 43_200, 0), now)
    return {}


def _receipt(request: Mapping[str, Any]) -> str:
    receipt = request.get("ReceiptHandle")
    if not receipt:
        raise errors.missing("ReceiptHandle")
    return str(receipt)


def _ranged(request: Mapping[str, Any], name: str, low: int, high: int, default: int) -> int:
    value = request.get(name)
    if value is None:
        return default
    if not low <= value <= high:
        raise errors.invalid_value(value, name, f"Must be >= {low} and <= {high}, if provided.")
    return int(value)


def _check_in_flight(queue: Queue) -> None:
    if queue.counts[Stage.LEASED] >= MAX_IN_FLIGHT and not queue.traits.fifo:
        why = f"Too many messages are in flight: the maximum is {MAX_IN_FLIGHT}."
        raise errors.modeled("OverLimit", why, code="OverLimit", status=403)
