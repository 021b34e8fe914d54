"""Deliveries as tests want them: awaited; and every callback of a target counted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.http.httpx_target import HttpxTarget
    from gateway.adapters.http.native_target import NativeTarget
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.ports import Sending

AMPLE_SECONDS: Final = 30.0
"""For deliveries that end by themselves."""
SHORT_SECONDS: Final = 0.05
"""For deliveries that nothing but their timeout ends."""


async def post(
    target: NativeTarget | HttpxTarget | Watched,
    body: bytes = b"{}",
    timeout_seconds: float = AMPLE_SECONDS,
    lines: str = "version: v1\r\n",
) -> DeliveryResult:
    """Send and return the result; cancelled, cancel the delivery."""
    told: asyncio.Future[DeliveryResult] = asyncio.get_running_loop().create_future()
    sending = target.post(lines, body, timeout_seconds, told.set_result)
    try:
        return await told
    except asyncio.CancelledError:
        sending.cancel()
        raise


@dataclass(eq=False)
class Watched:
    """A `Target` with somebody looking on: who was told what, and when."""

    target: NativeTarget | HttpxTarget
    seen: list[Watched.Delivery] = field(default_factory=list)

    @dataclass(eq=False)
    class Delivery:
        """One delivery, as its caller sees it."""

        done: Callable[[DeliveryResult], None]
        sending: Sending | None = None
        cancelled: bool = False
        results: list[DeliveryResult] = field(default_factory=list)

        def told(self, result: DeliveryResult) -> None:
            assert self.sending is not None, "told from within the call"
            self.results.append(result)
            assert not self.cancelled, "told of a delivery that was given up"
            self.done(result)

        def cancel(self) -> None:
            assert self.sending is not None
            self.cancelled = not self.results
            self.sending.cancel()

    def post(
        self,
        lines: str,
        body: bytes,
        timeout_seconds: float,
        done: Callable[[DeliveryResult], None],
    ) -> Sending:
        delivery = self.Delivery(done)
        self.seen.append(delivery)
        delivery.sending = self.target.post(lines, body, timeout_seconds, delivery.told)
        return delivery

    async def close(self) -> None:
        """Close, and hold it to its promise."""
        await self.target.close()
        for delivery in self.seen:
            assert len(delivery.results) == (0 if delivery.cancelled else 1)
