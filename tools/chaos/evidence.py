"""What a run leaves behind, in the form that the checks read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tools.chaos import routes
from tools.chaos.deliveries import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.chaos.sqs import Sqs
    from tools.chaos.starvation import Wait

Event = tuple[float, str]

DELETED = "deleted"
MOVED = "moved"
HANDED_OUT_AGAIN = "handed_out_again"
QUEUED = "queued"
_OFTEN = 10
"""Receives of a message that make its history worth to be kept whole."""


@dataclass(frozen=True, slots=True)
class History:
    """The history of one message of a source queue; those of a queue are in order of sending.

    `settled_at` is when it was deleted, or moved by SQS's own redrive policy. `faults` are what
    hit a request about it: (when, operation and kind). `events` has everything, and is kept only
    for messages that a report may show.
    """

    message_id: str
    queue: str
    body: str
    stage: str
    group: str | None = None
    receives: int = 0
    settled_at: float | None = None
    faults: tuple[Event, ...] = ()
    events: tuple[Event, ...] = ()


class ForwardedMessage(NamedTuple):
    """A message in the queue of a version, since when, and what hit the sends that it came by."""

    place: str
    group: str | None
    at: float
    faults: Sequence[dict[str, Any]] = ()

    def delivery(self, message_id: str) -> Delivery:
        """Return it as the delivery of a message of the source queue."""
        return Delivery(
            message_id, self.place, self.group, self.at, QUEUED, ended_at=self.at, acked_at=self.at
        )


Forwarded = dict[tuple[str, str], list[ForwardedMessage]]
"""By source queue and body, which has a number of its own."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`copies` has the first dead-letter copy's time by (queue, body), `kills` those of SIGKILL.

    `waits` are the seconds that replicas waited for a core, with the time of reading. `pins` has
    the one place that may get a message, by (queue, body).
    `complaints` are what replicas did, or logged, that they never should.
    """

    histories: Sequence[History]
    deliveries: Mapping[str, Sequence[Delivery]]
    copies: Mapping[tuple[str, str], float] = field(default_factory=dict)
    kills: Sequence[float] = ()
    waits: Sequence[Wait] = ()
    pins: Mapping[tuple[str, str], str] = field(default_factory=dict)
    sent: int = 0
    timeout_seconds: float = routes.TIMEOUT_SECONDS
    complaints: Sequence[str] = ()
    calm: bool = False


async def histories(
    sqs: Sqs, forwarded: Forwarded, deliveries: Mapping[str, Sequence[Delivery]]
) -> list[History]:
    """Read the histories of all source queues; those with several deliveries keep all events.

    What hit a message in the queue of a version is part of the history.
    """
    found = []
    for queue in routes.SOURCES:
        async for raw in sqs.histories(queue):
            there = forwarded.get((queue, raw["body"]), ())
            raw["events"] = sorted(
                [*raw["events"], *(fault for each in there for fault in each.faults)],
                key=lambda event: event["at"],
            )
            several = len(there) + len(deliveries.get(raw["message_id"], ())) > 1
            often = raw["receive_count"] > _OFTEN
            found.append(parse_history(queue, raw, whole=several or often))
    return found


async def forwarded(sqs: Sqs) -> Forwarded:
    """Read what the queues of versions have or had, by source queue and body."""
    found: dict[tuple[str, str], list[ForwardedMessage]] = {}
    for queue in routes.VERSION_QUEUES:
        async for raw in sqs.histories(queue.name):
            faults = [each for each in raw["events"] if _is_fault(each["what"])]
            there = ForwardedMessage(queue.place, raw["group"], raw["sent_at"], faults)
            found.setdefault((queue.source, raw["body"]), []).append(there)
    return found


def with_forwarded(
    deliveries: Mapping[str, Sequence[Delivery]], histories: Sequence[History], there: Forwarded
) -> dict[str, list[Delivery]]:
    """Return the deliveries of all messages: in the queue of a version is as good as a 2xx."""
    found = {message_id: list(each) for message_id, each in deliveries.items()}
    for history in histories:
        if (queued := there.get((history.queue, history.body))) is not None:
            each = [message.delivery(history.message_id) for message in queued]
            all_of_it = [*found.get(history.message_id, ()), *each]
            found[history.message_id] = sorted(all_of_it, key=lambda one: one.begun_at)
    return found


def strangers(histories: Sequence[History], there: Forwarded) -> list[str]:
    """Return a line for each message in the queue of a version that no source queue ever had."""
    known = {(history.queue, history.body) for history in histories}
    return [
        f"{what} was never sent to {queue}" for queue, what in there if (queue, what) not in known
    ]


async def copies(sqs: Sqs) -> dict[tuple[str, str], float]:
    """Read when the first copy of each dead letter was sent; what SQS moved is no copy."""
    found: dict[tuple[str, str], float] = {}
    for source, dead in routes.COPIES.items():
        async for raw in sqs.histories(dead):
            found.setdefault((source, raw["body"]), raw["sent_at"])
    return found


def parse_history(queue: str, raw: Mapping[str, Any], *, whole: bool = False) -> History:
    """Return what the checks need of a history that the emulator returned."""
    events = [(each["at"], each["what"]) for each in raw["events"]]
    settled = [at for at, what in events if what in (DELETED, MOVED)]
    faults = tuple(event for event in events if _is_fault(event[1]))
    unusual = whole or raw["stage"] not in (DELETED, MOVED)
    return History(
        raw["message_id"],
        queue,
        raw["body"],
        raw["stage"],
        raw["group"],
        raw["receive_count"],
        settled[0] if settled else None,
        faults,
        tuple(events) if unusual else (),
    )


def _is_fault(what: str) -> bool:
    return " " in what or what == HANDED_OUT_AGAIN
