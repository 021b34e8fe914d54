"""Sends the messages of one delivery plan over an HTTP target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.delivery.headers import message_lines, plan_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.messages.message import Message
    from gateway.ports import Sending


class HttpSender:
    """A `Sender` for both HTTP targets; `post` is the method of the target.

    It takes header lines, body, timeout in seconds and the callback for the result.
    """

    __slots__ = ("_ordered", "_plan_lines", "_post", "_tag", "_timeout_seconds")

    def __init__(
        self,
        post: Callable[[str, bytes, float, Callable[[DeliveryResult], None]], Sending],
        plan: DeliveryPlan,
    ) -> None:
        self._post = post
        self._plan_lines = plan_lines(plan)
        self._tag = plan.tag
        self._ordered = plan.ordered
        self._timeout_seconds = plan.timeout_seconds

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """POST the message's body, unchanged, under the headers of the delivery reference."""
        lines = self._plan_lines + message_lines(message, self._tag, fifo=self._ordered)
        body = message.body.encode("utf-8", "surrogatepass")
        return self._post(lines, body, self._timeout_seconds, done)
