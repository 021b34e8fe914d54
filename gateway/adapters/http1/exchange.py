"""One delivery under way: what is sent, until when, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from gateway.adapters.http1.connection import Connection
    from gateway.core.delivery.disposition import DeliveryResult

SMALL_BODY_BYTES: Final = 16 * 1024
"""Up to here copying a body behind its head is cheaper than sending two pieces."""


class Exchange:
    """One request and its answer, as a `Sending`; a connection carries it, sometimes a second."""

    __slots__ = (
        "again",
        "body",
        "connection",
        "deadline",
        "done",
        "head",
        "kept",
        "opening",
        "timeout_seconds",
    )

    def __init__(
        self,
        head: bytes,
        body: bytes,
        timeout_seconds: float,
        done: Callable[[DeliveryResult], None],
        again: Callable[[Exchange, DeliveryResult | None], None],
    ) -> None:
        self.head, self.body = head, body
        self.timeout_seconds = timeout_seconds
        self.deadline = 0.0  # on the loop's clock, once a connection was found or is looked for
        self.done = done
        self.again = again
        """Called instead of `done` where a kept connection closed before any byte of an answer."""
        self.kept = False
        """Whether the connection had carried another one before."""
        self.connection: Connection | None = None
        self.opening: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Give up; without effect once `done` was called."""
        if self.connection is not None:
            self.connection.give_up(self)
        if self.opening is not None:
            self.opening.cancel()
