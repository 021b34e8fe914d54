"""The moving parts of a route without queue, service or loop: what a message costs between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from gateway.core.disposition import Answered
from gateway.runtime.courier import Courier
from gateway.runtime.hand import Hand
from gateway.runtime.lanes import Lanes
from gateway.runtime.permits import Permits
from gateway.runtime.settler import Settler
from tests.builders import route

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.disposition import DeliveryResult
    from gateway.core.message import Message
    from gateway.ports import Queue

OK = Answered(204)


class Deaf:
    """An observer and a target that do nothing but remember whom to tell."""

    done: Callable[[DeliveryResult], None]

    def notice(self, fact: object) -> None:
        pass

    def send(self, lines: str, body: bytes, seconds: float, done: Any) -> Deaf:
        self.done = done
        return self

    def cancel(self) -> None:
        pass

    async def close(self) -> None:
        pass


class Carrying:
    """Carries one message after the other: hand, decision, lane, headers, ack, settler, facts."""

    def __init__(self) -> None:
        self._deaf = Deaf()
        of = route({"stable": 90, "canary": 10})
        self._lanes = Lanes(lambda _: self._deaf)
        self._lanes.adopt(of)
        self._hand = Hand()
        nowhere = cast("Queue", None)
        self._settler = Settler(
            route=of.name, queue=nowhere, hand=self._hand, observer=self._deaf,
            on_settled=lambda *_: None, permits=Permits(200), linger_seconds=1.0,
        )  # fmt: skip
        self._courier = Courier(
            route=of, queue=nowhere, lanes=self._lanes, hand=self._hand, settler=self._settler,
            observer=self._deaf, wall=lambda: 1.0, chance=lambda: 0.5,
        )  # fmt: skip
        self._courier.clock = lambda: 1.0
        self._courier._later = lambda *_: cast("Any", None)

    def carry(self, message: Message) -> None:
        """Take one message in hand and have it acked."""
        (entry,) = self._hand.take([message], 0.0, 60.0, 30.0)
        entry.begin(self._courier.legs)
        self._deaf.done(OK)

    def clear(self, _message: Message) -> None:
        """Settle what was carried, as if SQS had, and tell what was gathered."""
        waiting = self._settler._waiting_deletes
        if waiting:
            self._settler._ended(waiting, confirmed=True)
            waiting.clear()
            self._courier.tell()
