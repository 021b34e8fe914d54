"""The operations on queues themselves. Each takes registry and call, and returns the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tools.emulator import errors, traits
from tools.sqs_model.message import Stage

if TYPE_CHECKING:
    from tools.emulator.queues import Queue
    from tools.emulator.registry import Call, Registry

Result = dict[str, Any]
MAX_RESULTS: Final = 1000
PURGE_PAUSE_SECONDS: Final = 60.0


def create_queue(registry: Registry, call: Call) -> Result:
    name = call.request.get("QueueName") or _missing("QueueName")
    queue = registry.create(name, call.request.get("Attributes") or {}, call.now)
    return {"QueueUrl": registry.url(queue, call.base_url)}


def delete_queue(registry: Registry, call: Call) -> Result:
    registry.remove(registry.find(call))
    return {}


def get_queue_url(registry: Registry, call: Call) -> Result:
    name = call.request.get("QueueName") or _missing("QueueName")
    return {"QueueUrl": registry.url(registry.named(name), call.base_url)}


def list_queues(registry: Registry, call: Call) -> Result:
    """List by name; `NextToken` is the name of the last queue before."""
    prefix = call.request.get("QueueNamePrefix") or ""
    after = call.request.get("NextToken") or ""
    found = [queue for queue in registry.starting_with(prefix) if queue.name > after]
    limit = call.request.get("MaxResults") or MAX_RESULTS
    urls = [registry.url(queue, call.base_url) for queue in found[:limit]]
    result: Result = {"QueueUrls": urls} if urls else {}
    if len(found) > limit:
        result["NextToken"] = found[limit - 1].name
    return result


def set_queue_attributes(registry: Registry, call: Call) -> Result:
    queue = registry.find(call)
    registry.configure(queue, call.request.get("Attributes") or {}, call.now)
    return {}


def get_queue_attributes(registry: Registry, call: Call) -> Result:
    queue = registry.find(call)
    names = call.request.get("AttributeNames") or []
    queue.advance(call.now)
    every = queue.attributes | _computed(queue)
    if "All" not in names:
        _check_names(names)
        every = {name: value for name, value in every.items() if name in names}
    return {"Attributes": every} if every else {}


def purge_queue(registry: Registry, call: Call) -> Result:
    queue = registry.find(call)
    if call.now - queue.purged_at < PURGE_PAUSE_SECONDS:
        why = f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
        raise errors.modeled("PurgeQueueInProgress", why, status=403)
    queue.purge(call.now)
    return {}


def _computed(queue: Queue) -> dict[str, str]:
    return {
        "ApproximateNumberOfMessages": str(queue.counts[Stage.VISIBLE]),
        "ApproximateNumberOfMessagesDelayed": str(queue.counts[Stage.DELAYED]),
        "ApproximateNumberOfMessagesNotVisible": str(queue.counts[Stage.LEASED]),
        "CreatedTimestamp": str(int(queue.created_at)),
        "LastModifiedTimestamp": str(int(queue.modified_at)),
        "QueueArn": queue.arn,
    }


def _check_names(names: list[str]) -> None:
    for name in names:
        if name not in traits.NAMES:
            raise errors.invalid_attribute_name(name)


def _missing(parameter: str) -> str:
    raise errors.missing(parameter)
