"""A version of a service that answers as a test tells it to, and remembers what it was sent."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from gateway.core.delivery.disposition import Responded, TimedOut
from gateway.core.delivery.headers import message_lines, plan_lines
from gateway.core.delivery.record_headers import record_lines
from gateway.core.delivery.unwrapped import lines_in_context, unwrapped_lines
from gateway.core.header_budget import USUAL_ROOM
from gateway.core.routing.route import Unwrap
from tests.fakes.bell import Bell
from tests.header_lines import pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.messages.message import Message
    from gateway.core.messages.trace_context import TraceContext

OK = Responded(200)


@dataclass(slots=True)
class Sent:
    """One delivery that reached the service; `ended_at` is None while it runs."""

    headers: dict[str, str]
    body: bytes
    began_at: float
    ended_at: float | None = None
    cancelled: bool = False
    result: DeliveryResult | Exception | None = None

    @property
    def message_id(self) -> str:
        """The id of the message."""
        if "x-kafka-topic" in self.headers:
            place = ("topic", "partition", "offset")
            return "/".join(self.headers[f"x-kafka-{each}"] for each in place)
        return self.headers["x-aws-sqsd-msgid"]

    @property
    def version(self) -> str:
        """The tag in the `version` header."""
        return self.headers["version"]

    @property
    def reason(self) -> str:
        """Why it came here."""
        return self.headers["x-gateway-reason"]


class FakeSending:
    """One delivery under way at a `FakeTarget`."""

    def __init__(
        self,
        target: FakeTarget,
        sent: Sent,
        timeout_seconds: float,
        done: Callable[[DeliveryResult], None],
    ) -> None:
        self._target, self._sent, self._done = target, sent, done
        self._task = asyncio.get_running_loop().create_task(
            self._run(timeout_seconds), name=f"fake delivery of {sent.message_id}"
        )

    @property
    def begun(self) -> bool:
        """Whether it does not wait for a connection."""
        return not self._target.connecting

    def cancel(self) -> None:
        """Give up; nobody is told."""
        if self._sent.ended_at is None:
            self._sent.cancelled = True
            self._target.ended(self._sent)
            self._task.cancel()

    async def _run(self, timeout_seconds: float) -> None:
        result = await self._target.outcome(self._sent, timeout_seconds)
        self._target.ended(self._sent)
        self._done(cast("DeliveryResult", result))


class FakeSender:
    """Delivers the messages of one plan to a `FakeTarget`, with the headers of a real delivery."""

    def __init__(self, target: FakeTarget, plan: DeliveryPlan) -> None:
        self._target, self._plan = target, plan

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> FakeSending:
        """Begin one delivery."""
        plan = self._plan
        if message.record is not None:
            lines, body = record_lines(message, plan.tag, dialect=plan.dialect), message.body
        elif plan.dialect.unwrap is Unwrap.NONE:
            lines, body = message_lines(message, plan.tag, dialect=plan.dialect), message.body
        else:
            lines, body = unwrapped_lines(message, plan.tag, room=USUAL_ROOM, dialect=plan.dialect)
        return self._begin(lines, body, done)

    def send_in(
        self, message: Message, context: TraceContext, done: Callable[[DeliveryResult], None]
    ) -> FakeSending:
        """Begin one delivery in another trace context."""
        plan = self._plan
        if message.record is not None:
            return self.send(message, done)
        lines, body = lines_in_context(
            message, plan.tag, context, room=USUAL_ROOM, dialect=plan.dialect
        )
        return self._begin(lines, body, done)

    def _begin(self, lines: str, body: str, done: Callable[[DeliveryResult], None]) -> FakeSending:
        content = body.encode("utf-8", "surrogatepass")
        now = asyncio.get_running_loop().time()
        sent = Sent(dict(pairs(plan_lines(self._plan) + lines)), content, now)
        return self._target.begin(sent, self._plan.timeout_seconds, done)


class FakeTarget:
    """A `Target`; `default` is its answer, `takes_seconds` how long each one takes.

    `choose` gives answers one by one instead, `pace` the seconds by message id. A delivery that is
    held, or takes longer than the version's timeout, ends with TimedOut. `connecting`: those that
    are held wait for a connection.
    """

    def __init__(self, bell: Bell | None = None) -> None:
        self.bell = bell or Bell()
        self.default: DeliveryResult | Exception = OK
        self.choose: Callable[[], DeliveryResult | Exception] = lambda: self.default
        self.takes_seconds = 0.0
        self.pace: Callable[[str], float] = lambda _: self.takes_seconds
        self.sent: list[Sent] = []
        self.running = self.most_running = 0
        self.closed = False
        self.connecting = False
        self._scripted: dict[str, deque[DeliveryResult | Exception]] = defaultdict(deque)
        self._open = asyncio.Event()
        self._open.set()

    def bind(self, plan: DeliveryPlan) -> FakeSender:
        """Return what delivers the messages of a plan."""
        return FakeSender(self, plan)

    def begin(
        self, sent: Sent, timeout_seconds: float, done: Callable[[DeliveryResult], None]
    ) -> FakeSending:
        """Respond, once nothing holds it any more; an exception is passed on like a result."""
        self.sent.append(sent)
        self._moved(+1)
        return FakeSending(self, sent, timeout_seconds, done)

    async def outcome(self, sent: Sent, timeout_seconds: float) -> DeliveryResult | Exception:
        """Wait for whatever it waits for and return what comes of it."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._open.wait()
                await asyncio.sleep(self.pace(sent.message_id))
        except TimeoutError:
            return TimedOut(timeout_seconds)
        sent.result = self._answer(sent.message_id)
        return sent.result

    def ended(self, sent: Sent) -> None:
        """Take note of the end of a delivery."""
        sent.ended_at = asyncio.get_running_loop().time()
        self._moved(-1)

    async def close(self) -> None:
        """Note that it was closed."""
        self.closed = True

    def answer(self, message_id: str, *results: DeliveryResult | Exception) -> None:
        """Give these answers to one message's next deliveries, then the default again."""
        self._scripted[message_id].extend(results)

    def hold(self) -> None:
        """Let no delivery end until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Let every delivery go on."""
        self._open.set()

    @property
    def ids(self) -> list[str]:
        """The ids of the messages that came, in order."""
        return [each.message_id for each in self.sent]

    def of(self, message_id: str) -> list[Sent]:
        """Return the deliveries of one message."""
        return [each for each in self.sent if each.message_id == message_id]

    def _answer(self, message_id: str) -> DeliveryResult | Exception:
        scripted = self._scripted[message_id]
        return scripted.popleft() if scripted else self.choose()

    def _moved(self, by: int) -> None:
        self.running += by
        self.most_running = max(self.most_running, self.running)
        self.bell.ring()
