"""What a FIFO receive with a ReceiveRequestAttemptId handed out, to hand out the same again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.emulator.messages import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.emulator.messages import Message


@dataclass(frozen=True, slots=True)
class Attempt:
    """Messages with the receipt and the end of lease that they had."""

    messages: tuple[Message, ...]
    leases: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Attempt:
        """Take down how they stand."""
        return cls(tuple(messages), tuple(_lease(message) for message in messages))

    @property
    def untouched(self) -> bool:
        """Whether all of them are still leased as they were: only then may it be repeated."""
        return self.leases == tuple(_lease(message) for message in self.messages) and all(
            message.stage is Stage.LEASED for message in self.messages
        )


def _lease(message: Message) -> tuple[str, float]:
    return message.receipt, message.visible_at
