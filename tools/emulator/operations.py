"""All operations by name, and how one runs: from the bytes of a request to a result."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from tools.emulator import faults
from tools.emulator import message_operations as messages
from tools.emulator import queue_operations as queues
from tools.emulator.errors import FRAMEWORK, SqsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.emulator.faults import Fault
    from tools.emulator.registry import Call, Registry

    Operation = Callable[[Registry, Call], dict[str, Any]]

OPERATIONS: Final[Mapping[str, Operation]] = {
    "ChangeMessageVisibility": messages.change_message_visibility,
    "ChangeMessageVisibilityBatch": messages.change_message_visibility_batch,
    "CreateQueue": queues.create_queue,
    "DeleteMessage": messages.delete_message,
    "DeleteMessageBatch": messages.delete_message_batch,
    "DeleteQueue": queues.delete_queue,
    "GetQueueAttributes": queues.get_queue_attributes,
    "GetQueueUrl": queues.get_queue_url,
    "ListQueues": queues.list_queues,
    "PurgeQueue": queues.purge_queue,
    "ReceiveMessage": messages.receive_message,
    "SendMessage": messages.send_message,
    "SendMessageBatch": messages.send_message_batch,
    "SetQueueAttributes": queues.set_queue_attributes,
}


def request_of(operation: str, body: bytes) -> dict[str, Any]:
    """Parse the members of a request; raises SqsError for an invalid one."""
    if operation not in OPERATIONS:
        why = f"The operation {operation} is not one of the emulator's."
        raise SqsError(FRAMEWORK + "UnknownOperationException", "InvalidAction", why)
    try:
        request = from_json(body or b"{}")
    except ValueError as error:
        raise _malformed(str(error)) from error
    if not isinstance(request, dict):
        raise _malformed("an object is expected")
    return request


def run(
    operation: str, registry: Registry, call: Call, fault: Fault = faults.NONE
) -> dict[str, Any]:
    """Run it as far as the fault lets it; raises SqsError."""
    if fault.error is not None:
        raise fault.error
    if fault.again is not None:
        result = OPERATIONS[operation](registry, call)
        return messages.receive_again(registry, call, result, fault.again)
    if not fault.failed_entries:
        return OPERATIONS[operation](registry, call)
    spared = dataclasses.replace(call, request=fault.spare(call.request))
    nothing_left = spared.request.get("Entries") == []
    result = {"Successful": []} if nothing_left else OPERATIONS[operation](registry, spared)
    return fault.blame(call.request, result)


def _malformed(why: str) -> SqsError:
    return SqsError(FRAMEWORK + "SerializationException", "MalformedInput", why)
