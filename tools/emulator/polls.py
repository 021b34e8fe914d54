"""Long polls: receives that wait until a message is sent, its delay or its lease ends."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import TYPE_CHECKING

from tools.emulator.errors import SqsError
from tools.emulator.message_operations import receive_message

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from tools.emulator.message_operations import Result
    from tools.emulator.registry import Call, Registry

    Done = Callable[[Result | SqsError], None]


class Poll:
    """A receive that waits. Cancelled when its connection closes, so that it takes no messages."""

    def __init__(self, call: Call, done: Done) -> None:
        self.call = call
        self.deadline: asyncio.TimerHandle | None = None
        self._done: Done | None = done

    @property
    def over(self) -> bool:
        """Whether it is finished or cancelled."""
        return self._done is None

    def finish(self, result: Result | SqsError) -> None:
        """Finish with this result, once."""
        done, self._done = self._done, None
        if self.deadline is not None:
            self.deadline.cancel()
        if done is not None:
            done(result)

    def cancel(self) -> None:
        """Stop waiting, without a result."""
        self._done = None
        if self.deadline is not None:
            self.deadline.cancel()


class Polls:
    """All polls that wait, served in turn. They share one timer."""

    def __init__(
        self, registry: Registry, clock: Callable[[], float], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._loop = loop
        self._waiting: dict[str, deque[Poll]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None

    def wait(self, call: Call, seconds: float, done: Done) -> Poll:
        """Make a receive wait that found no message."""
        poll = Poll(call, done)
        name = self._registry.find(call).name
        self._waiting.setdefault(name, deque()).append(poll)
        poll.deadline = self._loop.call_later(seconds, poll.finish, {})
        self._arm()
        return poll

    def serve(self) -> None:
        """Finish polls that now find messages. To be called after each change."""
        if not self._waiting:
            return
        for name in list(self._waiting):
            self._serve(self._waiting[name])
            if not self._waiting[name]:
                del self._waiting[name]
        self._arm()

    def _serve(self, polls: deque[Poll]) -> None:
        while polls:
            if not polls[0].over:
                result = self._try(polls[0].call)
                if not result:
                    return
                polls[0].finish(result)
            polls.popleft()

    def _try(self, call: Call) -> Result | SqsError:
        try:
            return receive_message(self._registry, dataclasses.replace(call, now=self._clock()))
        except SqsError as error:
            return error

    def _arm(self) -> None:
        """Set the timer to the next end of a delay or lease in a queue with polls."""
        due = min(self._ends(), default=None)
        if due == self._due:
            return
        self._due = due
        if self._timer is not None:
            self._timer.cancel()
        if due is not None:
            self._timer = self._loop.call_later(max(0.0, due - self._clock()), self._wake)

    def _wake(self) -> None:
        self._due = self._timer = None
        self.serve()

    def _ends(self) -> Iterator[float]:
        for name in self._waiting:
            queue = self._registry.queues.get(name)
            if queue is not None and (end := queue.next_change_at()) is not None:
                yield end
