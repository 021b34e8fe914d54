"""A queue of the fast SQS: the model, with messages that are rendered for a response."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from tools.sqs_model import message as model
from tools.sqs_model.message import Stage
from tools.sqs_model.queue import Queue, Refusal
from tools.sqs_model.receipts import Receipts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.bench.fast_sqs.rendering import Draft, Wanted


class Message(model.Message):
    """One message; what a response shows of it is bytes already."""

    __slots__ = ("body_md5", "draft", "message_id", "order")

    def __init__(self, draft: Draft, group: str | None, deduplication_id: str | None) -> None:
        super().__init__(group)
        self.message_id = _new_id()
        self.draft = draft
        self.order = () if group is None else (_text(group), _text(deduplication_id or ""))


class FastQueue:
    """A standard queue, or a FIFO one by its name. Time comes with each call, in seconds."""

    def __init__(self, name: str, attributes: dict[str, str], number: int = 1) -> None:
        self.name = name
        self.attributes = attributes
        self.fifo = name.endswith(".fifo")
        self.visibility_seconds = int(attributes.get("VisibilityTimeout", "30"))
        self.operations: Counter[str] = Counter()
        self.empty_receives = 0
        receipts = Receipts(number)
        self._stamp = receipts.stamp.encode()
        self._model: Queue[Message] = Queue(receipts, fifo=self.fifo)

    @property
    def visible(self) -> int:
        """How many are visible, whether or not their group is blocked."""
        return self._model.counts[Stage.VISIBLE]

    @property
    def leased(self) -> int:
        """How many are in flight."""
        return self._model.counts[Stage.LEASED]

    def send(
        self,
        draft: Draft,
        now: float = 0.0,
        group: str | None = None,
        deduplication_id: str | None = None,
    ) -> Message:
        """Add a message; on FIFO, a duplicate within five minutes returns the first one."""
        sent = Message(draft, group, deduplication_id)
        message = self._model.send(sent, now, deduplication_key=deduplication_id or "")
        if message is sent:
            message.body_md5 = draft.body_md5(message.sequence)
        return message

    def receive(self, limit: int, seconds: int, now: float, wanted: Wanted) -> bytes:
        """Lease up to `limit` messages; returns them rendered, or b"" for none."""
        messages = self._model.receive(limit, seconds, now)
        stamp, now_ms = self._stamp, b"%d" % (now * 1000)
        draft, template = None, b""
        found: list[bytes] = []
        for message in messages:
            if message.draft is not draft:  # most share one
                draft = message.draft
                template = draft.templates.get(wanted) or draft.template(wanted, fifo=self.fifo)
            sequence, count = message.sequence, message.receive_count
            first_ms = now_ms if count == 1 else b"%d" % (message.first_received_at * 1000)
            places: tuple[Any, ...] = (
                message.message_id, stamp, sequence, count, message.body_md5, sequence, count,
                first_ms,
            )  # fmt: skip
            if message.order:
                places += (*message.order, sequence + 1)
            found.append(template % places)
        return b",".join(found)

    def delete(self, receipts: Iterable[str], now: float) -> list[Refusal | None]:
        """Delete; a refusal for each receipt that has none."""
        delete = self._model.delete
        return [delete(receipt, now) for receipt in receipts]

    def change_visibility(self, receipt: str, seconds: int, now: float) -> Refusal | None:
        """Set the lease to end `seconds` from now."""
        return self._model.change_visibility(receipt, seconds, now)

    def advance(self, now: float) -> None:
        """Make visible what is leased no more."""
        self._model.advance(now)

    def next_end(self) -> float | None:
        """Return when the next lease ends."""
        return self._model.next_change_at()

    def summary(self) -> dict[str, Any]:
        """Return the queue in numbers, as the emulator does."""
        return {
            "queue": self.name,
            "sent": len(self._model.messages),
            "delayed": self._model.counts[Stage.DELAYED],
            "visible": self.visible,
            "in_flight": self.leased,
            "deleted": self._model.counts[Stage.DELETED],
            "dead_lettered": self._model.counts[Stage.MOVED],
            "empty_receives": self.empty_receives,
            "operations": dict(self.operations),
            **asdict(self._model.totals),
        }


def _text(value: str) -> bytes:
    return to_json(value)[1:-1]


def _new_id() -> bytes:
    """Return a UUID; uuid.uuid4 would cost more than all else that sending does."""
    h = os.urandom(16).hex().encode()
    return b"%b-%b-4%b-a%b-%b" % (h[:8], h[8:12], h[13:16], h[17:20], h[20:])
