"""One standard queue of the fast SQS: what is visible, what is leased and until when."""

from __future__ import annotations

import itertools
import os
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from tools.bench.fast_sqs.rendering import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.bench.fast_sqs.rendering import Draft, Wanted

VISIBLE: Final = 0
DELETED: Final = -1


class Message:
    """One message; `lease` is VISIBLE, DELETED or the number of the lease that it is under."""

    __slots__ = ("body_md5", "draft", "first_ms", "lease", "message_id", "number", "receives")

    def __init__(self, number: int, message_id: bytes, draft: Draft) -> None:
        self.number = number
        self.message_id = message_id
        self.draft = draft
        self.body_md5 = draft.body_md5(number)
        self.lease = VISIBLE
        self.receives = 0
        self.first_ms = b""


class FastQueue:
    """Every step costs O(1), time comes from outside, in seconds, and never goes back."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.visibility_seconds = int(attributes.get("VisibilityTimeout", "30"))
        self.operations: Counter[str] = Counter()
        self.empty_receives = self.receives = self.max_receive_count = 0
        self.deleted = self.leased = self.deletes_ignored = 0
        self.first_received_at: float | None = None
        self.last_deleted_at: float | None = None
        self._messages: list[Message] = []
        self._visible: deque[Message] = deque()
        self._leases = itertools.count(1)
        # Leases of one length end in the order in which they began: nothing is searched.
        self._ends: dict[int, deque[tuple[float, int, list[Message]]]] = {}

    @property
    def visible(self) -> int:
        """How many could be received now."""
        return len(self._messages) - self.leased - self.deleted

    def send(self, draft: Draft) -> Message:
        """Add a message."""
        message = Message(len(self._messages), _new_id(), draft)
        self._messages.append(message)
        self._visible.append(message)
        return message

    def receive(self, limit: int, seconds: int, now: float, wanted: Wanted) -> bytes:
        """Lease up to `limit` messages; returns them rendered, or b"" for none."""
        visible = self._visible
        if not visible:
            return b""
        taken: list[Message] = []
        while visible and len(taken) < limit:
            message = visible.popleft()
            if message.lease == VISIBLE:
                taken.append(message)
        lease, now_ms = next(self._leases), b"%d" % (now * 1000)
        self._ends.setdefault(seconds, deque()).append((now + seconds, lease, taken))
        found: list[bytes] = []
        for message in taken:
            message.lease = lease
            message.receives = receives = message.receives + 1
            if receives == 1:
                message.first_ms = now_ms
            elif receives > self.max_receive_count:
                self.max_receive_count = receives
            template = message.draft.templates.get(wanted) or message.draft.template(wanted)
            count = b"1" if receives == 1 else b"%d" % receives
            number = message.number
            found.append(
                template
                % (message.message_id, number, message.body_md5, number, count, message.first_ms)
            )
        self._count_received(len(taken), now)
        return b",".join(found)

    def delete(self, receipts: Iterable[str], now: float) -> list[bool]:
        """Delete; False where a receipt is none of ours."""
        messages, done = self._messages, []
        for receipt in receipts:
            try:
                message = messages[int(receipt[NUMBER], 16)]
            except (ValueError, IndexError):
                done.append(False)
                continue
            done.append(True)
            if message.lease == DELETED:
                self.deletes_ignored += 1
                continue
            self.leased -= message.lease > VISIBLE
            self.deleted += 1
            message.lease = DELETED
        self.last_deleted_at = now
        return done

    def change_visibility(self, receipt: str, seconds: int, now: float) -> bool:
        """Let the lease end in so many seconds; False where it is under none."""
        message = self._of(receipt)
        if message is None or message.lease <= VISIBLE:
            return False
        if seconds:
            message.lease = next(self._leases)
            end = (now + seconds, message.lease, [message])
            self._ends.setdefault(seconds, deque()).append(end)
        else:
            self._give_back(message)
        return True

    def advance(self, now: float) -> None:
        """Give back whatever is not leased any more."""
        for ends in self._ends.values():
            while ends and ends[0][0] <= now:
                _, lease, messages = ends.popleft()
                for message in messages:
                    if message.lease == lease:
                        self._give_back(message)

    def next_end(self) -> float | None:
        """Return when the next lease ends, or would have ended."""
        return min((ends[0][0] for ends in self._ends.values() if ends), default=None)

    def ledger(self) -> dict[str, Any]:
        """Return the queue in numbers, by the emulator's words."""
        return {
            "queue": self.name,
            "sent": len(self._messages),
            "delayed": 0,
            "visible": self.visible,
            "in_flight": self.leased,
            "deleted": self.deleted,
            "dead_lettered": 0,
            "empty_receives": self.empty_receives,
            "operations": dict(self.operations),
            "receives": self.receives,
            "max_receive_count": self.max_receive_count,
            "deletes_ignored": self.deletes_ignored,
            "first_received_at": self.first_received_at,
            "last_deleted_at": self.last_deleted_at,
        }

    def _count_received(self, count: int, now: float) -> None:
        self.leased += count
        self.receives += count
        if count and self.first_received_at is None:
            self.first_received_at = now
            self.max_receive_count = max(1, self.max_receive_count)

    def _give_back(self, message: Message) -> None:
        message.lease = VISIBLE
        self.leased -= 1
        self._visible.append(message)

    def _of(self, receipt: str) -> Message | None:
        try:
            return self._messages[int(receipt[NUMBER], 16)]
        except (ValueError, IndexError):
            return None


def _new_id() -> bytes:
    """Return a UUID; uuid.uuid4 would cost more than all else that sending does."""
    h = os.urandom(16).hex().encode()
    return b"%b-%b-4%b-a%b-%b" % (h[:8], h[8:12], h[13:16], h[17:20], h[20:])
