"""Which messages a fault affected, for their histories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.emulator.errors import SqsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.emulator.faults import Fault
    from tools.emulator.messages import Message
    from tools.emulator.queues import Queue
    from tools.emulator.registry import Call, Registry


def messages(
    registry: Registry, call: Call, result: Mapping[str, Any], fault: Fault
) -> list[Message]:
    """Return the messages of the request, or those that the response would have had or confirmed.

    Of a batch only the entries that failed, of a receive with a duplicate only the duplicate.
    """
    try:
        queue = registry.find(call)
    except SqsError:
        return []
    if sent := _sent(result, fault):
        return _latest(queue, sent)
    receipts = list(_receipts(call.request, result, fault))
    if fault.again is not None:
        latest = _found(queue, receipts[-1:])
        return [m for m in latest if m.events[-1][1] == "handed_out_again"]
    return _found(queue, receipts)


def _receipts(request: Mapping[str, Any], result: Mapping[str, Any], fault: Fault) -> Iterator[str]:
    if "ReceiptHandle" in request:
        yield request["ReceiptHandle"]
    for entry in request.get("Entries", ()):
        if not fault.failed_entries or entry["Id"] in fault.failed_entries:
            yield entry.get("ReceiptHandle", "")
    for message in result.get("Messages", ()):
        yield message["ReceiptHandle"]


def _sent(result: Mapping[str, Any], fault: Fault) -> set[str]:
    """Return the ids of messages that were sent; none where the fault is that others were not."""
    if fault.failed_entries:
        return set()
    sent = [result, *result.get("Successful", ())]
    return {each["MessageId"] for each in sent if "MessageId" in each}


def _latest(queue: Queue, ids: set[str]) -> list[Message]:
    wanted = set(ids)
    found = []
    for message in reversed(queue.messages):
        if not wanted:
            break
        if message.message_id in wanted:
            wanted.remove(message.message_id)
            found.append(message)
    return found


def _found(queue: Queue, receipts: list[str]) -> list[Message]:
    found = []
    for receipt in receipts:
        try:
            found.append(queue.holder(receipt))
        except SqsError:
            continue
    return found
