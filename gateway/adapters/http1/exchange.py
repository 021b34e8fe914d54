"""One request and its response: what is sent, until when, and who gets the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

SMALL_BODY_BYTES: Final = 16 * 1024
"""Up to here copying a body behind its head is cheaper than sending two pieces."""


class Carrier(Protocol):
    """What an exchange is on: a connection, or where it waits for one."""

    def may_have_sent(self, exchange: Exchange) -> bool:
        """Whether something of this exchange may have been sent."""

    def cancel(self, exchange: Exchange) -> None:
        """Close, if it still carries this exchange."""


class Exchange:
    """One request and its response. One connection carries it; sometimes a second one has to.

    `done` is called once with the result, which is what the connection's reader makes of the
    response; not at all once cancelled. `again` is called instead where a kept connection closed
    before any byte of the response: with that result, or with None where nothing had been sent.
    """

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
        "waiter",
    )

    def __init__(
        self,
        head: bytes,
        body: bytes,
        timeout_seconds: float,
        done: Callable[[Any], None],
        again: Callable[[Exchange, Any], None],
        waiter: asyncio.Future[Any] | None = None,
    ) -> None:
        self.head = head
        self.body = body
        self.timeout_seconds = timeout_seconds
        self.deadline = 0.0
        """On the loop's clock; 0 until a connection is found or looked for."""
        self.done = done
        self.again = again
        self.waiter = waiter
        """The future that a coroutine awaits, if any: nothing is sent once that is cancelled."""
        self.kept = False
        """Whether the connection had carried another one before."""
        self.connection: Carrier | None = None
        self.opening: asyncio.Task[None] | None = None

    @property
    def begun(self) -> bool:
        """Whether something of it may have been sent."""
        return self.connection is None or self.connection.may_have_sent(self)

    def cancel(self) -> None:
        """Close the connection without calling `done`; no effect once `done` was called."""
        if self.connection is not None:
            self.connection.cancel(self)
        if self.opening is not None:
            self.opening.cancel()
