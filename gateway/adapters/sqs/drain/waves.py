"""Cuts received messages into calls: ten entries, 1 MiB, on FIFO one message of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.delivery.message_size import message_bytes
from gateway.core.sqs_limits import MAX_BATCH_ENTRIES, MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.core.messages.message import Message


def waves(messages: Sequence[Message], *, in_order: bool) -> Iterator[list[Message]]:
    """Yield what may be sent at the same time; a later wave has later messages of a group."""
    if not in_order:
        yield list(messages)
        return
    groups: dict[str | None, list[Message]] = {}
    for message in messages:
        groups.setdefault(message.group, []).append(message)
    for at in range(max(map(len, groups.values()), default=0)):
        yield [group[at] for group in groups.values() if at < len(group)]


def calls(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Yield the messages of one SendMessageBatch each, in order."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        own = message_bytes(message.body, message.attributes.items())
        if batch and (len(batch) == MAX_BATCH_ENTRIES or size + own > MAX_MESSAGE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += own
    if batch:
        yield batch
