"""All queues of the one account: found by URL, name or ARN, made and removed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tools.emulator import errors, traits
from tools.emulator.queues import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ACCOUNT: Final = "000000000000"


@dataclass(slots=True)
class Call:
    """One request: its members, the base URL that the client used, the time, and its signature."""

    request: Mapping[str, Any]
    base_url: str
    now: float
    authorization: str = ""


@dataclass
class Registry:
    """The queues by name. `new_id` makes message ids: randomness is passed in."""

    new_id: Callable[[], str]
    region: str = "us-east-1"
    queues: dict[str, Queue] = field(default_factory=dict)
    operations: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _made: int = 0

    def find(self, call: Call) -> Queue:
        """Return the queue that a request is about; raises SqsError where there is none."""
        return self.named(str(call.request.get("QueueUrl", "")).rsplit("/", 1)[-1])

    def named(self, name: str) -> Queue:
        """Return the queue of that name; raises SqsError where there is none."""
        queue = self.queues.get(name)
        if queue is None:
            raise errors.no_such_queue()
        return queue

    def url(self, queue: Queue, base_url: str) -> str:
        """Return the queue's URL, as the client that asks can reach it."""
        return f"{base_url}/{ACCOUNT}/{queue.name}"

    def create(self, name: str, given: Mapping[str, str], now: float) -> Queue:
        """Make a queue; one that is there already must agree with all that is given."""
        traits.check_name(name, given)
        traits.check(given, fifo=name.endswith(".fifo"))
        existing = self.queues.get(name)
        if existing is not None:
            return _agreed(existing, given)
        defaults = traits.DEFAULTS | (traits.FIFO_DEFAULTS if name.endswith(".fifo") else {})
        self._made += 1
        queue = Queue(name, self._arn(name), self._made, defaults, now)
        self.configure(queue, given, now)
        self.queues[name] = queue
        return queue

    def configure(self, queue: Queue, given: Mapping[str, str], now: float) -> None:
        """Change attributes of a queue; an empty redrive policy takes it away."""
        traits.check(given, fifo=queue.traits.fifo)
        changed = {name: str(value) for name, value in given.items()}
        dead_letters = queue.dead_letters
        if "RedrivePolicy" in changed:
            dead_letters = self._target(changed["RedrivePolicy"], queue)
        merged = queue.attributes | changed
        queue.configure({name: value for name, value in merged.items() if value}, now)
        queue.dead_letters = dead_letters

    def remove(self, queue: Queue) -> None:
        """Forget a queue; its sources keep their dead letters from now on."""
        del self.queues[queue.name]
        for source in self.queues.values():
            if source.dead_letters is queue:
                source.dead_letters = None

    def count(self, call: Call, operation: str) -> None:
        """Count a request to a queue."""
        name = call.request.get("QueueName") or call.request.get("QueueUrl") or ""
        self.operations[str(name).rsplit("/", 1)[-1]][operation] += 1

    def clear(self) -> None:
        """Forget everything."""
        self.queues.clear()
        self.operations.clear()

    def starting_with(self, prefix: str) -> Iterator[Queue]:
        """Yield queues by name."""
        return (self.queues[name] for name in sorted(self.queues) if name.startswith(prefix))

    def _arn(self, name: str) -> str:
        return f"arn:aws:sqs:{self.region}:{ACCOUNT}:{name}"

    def _target(self, policy: str, source: Queue) -> Queue | None:
        redrive = traits.parse_redrive(policy)
        if redrive is None:
            return None
        target = self.queues.get(redrive.target_arn.rsplit(":", 1)[-1])
        if target is None or target.arn != redrive.target_arn:
            raise errors.invalid_value(
                policy, "RedrivePolicy", "Dead letter target does not exist."
            )
        if target.traits.fifo != source.traits.fifo:
            reason = "Dead-letter queue must be same type of queue as the source."
            raise errors.invalid_value(policy, "RedrivePolicy", reason)
        return None if target is source else target


def _agreed(queue: Queue, given: Mapping[str, str]) -> Queue:
    for name, value in given.items():
        if not _same(queue.attributes.get(name, ""), str(value)):
            why = f"The queue exists already, with another value of the attribute {name}"
            raise errors.modeled("QueueNameExists", why, code="QueueAlreadyExists")
    return queue


def _same(ours: str, theirs: str) -> bool:
    if ours == theirs:
        return True
    try:
        return bool(json.loads(ours) == json.loads(theirs))
    except ValueError:
        return False
