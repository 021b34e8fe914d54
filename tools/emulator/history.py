"""Histories as JSON: a queue in numbers, and what happened to each message."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tools.emulator.app import EMPTY_RECEIVE
from tools.sqs_model.message import Stage

if TYPE_CHECKING:
    from tools.emulator.messages import Message
    from tools.emulator.queues import Queue
    from tools.emulator.registry import Registry


def summary(registry: Registry, queue: Queue) -> dict[str, Any]:
    """Return a queue in numbers; costs the same at any depth."""
    counted = registry.operations[queue.name]
    return {
        "queue": queue.name,
        "sent": len(queue.messages),
        "delayed": queue.counts[Stage.DELAYED],
        "visible": queue.counts[Stage.VISIBLE],
        "in_flight": queue.counts[Stage.LEASED],
        "deleted": queue.counts[Stage.DELETED],
        "dead_lettered": queue.counts[Stage.MOVED],
        "empty_receives": counted[EMPTY_RECEIVE],
        "operations": {name: n for name, n in sorted(counted.items()) if name != EMPTY_RECEIVE},
        **asdict(queue.totals),
    }


def messages(queue: Queue, first: int = 0, count: int | None = None) -> list[dict[str, Any]]:
    """Return every message that ever was in the queue, in the order of sending, or some of them."""
    last = None if count is None else first + count
    return [_message(message) for message in queue.messages[first:last]]


def _message(message: Message) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "body": message.draft.body,
        "attributes": message.draft.attributes,
        "group": message.draft.group,
        "stage": message.stage.name.lower(),
        "sent_at": message.sent_at,
        "receive_count": message.receive_count,
        "deletes": sum(what.startswith("delete") for _, what, _ in message.events),
        "events": [
            {"at": at, "what": what, "number": number} for at, what, number in message.events
        ],
    }
