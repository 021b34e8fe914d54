"""What a FIFO receive with a ReceiveRequestAttemptId returned, to return the same again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from tools.sqs_model.message import LEASED, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Attempt(Generic[M]):
    """Messages with the receive count and the end of the lease that they had."""

    messages: tuple[M, ...]
    leases: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, messages: Sequence[M]) -> Attempt[M]:
        """Record how they stand."""
        return cls(tuple(messages), tuple(_lease(message) for message in messages))

    @property
    def untouched(self) -> bool:
        """Whether all of them are still leased as they were: only then may it be repeated."""
        return self.leases == tuple(_lease(message) for message in self.messages) and all(
            message.stage is LEASED for message in self.messages
        )


def _lease(message: Message) -> tuple[int, float]:
    return message.receive_count, message.visible_at
