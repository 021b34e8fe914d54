"""What a run leaves behind, in the form that the checks read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.chaos import routes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tools.chaos.deliveries import Delivery
    from tools.chaos.sqs import Sqs
    from tools.chaos.starvation import Wait

Event = tuple[float, str]

DELETED = "deleted"
MOVED = "moved"
HANDED_OUT_AGAIN = "handed_out_again"


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """`copies` has the first dead-letter copy's time by (queue, body), `kills` those of SIGKILL.

    `waits` are the seconds that replicas waited for a core, with the time of reading.
    `complaints` are what replicas did, or logged, that they never should.
    """

    histories: Sequence[History]
    deliveries: Mapping[str, Sequence[Delivery]]
    copies: Mapping[tuple[str, str], float] = field(default_factory=dict)
    kills: Sequence[float] = ()
    waits: Sequence[Wait] = ()
    sent: int = 0
    timeout_seconds: float = routes.TIMEOUT_SECONDS
    complaints: Sequence[str] = ()
    calm: bool = False


async def histories(sqs: Sqs, with_events: Callable[[str], bool]) -> list[History]:
    """Read the histories of all source queues; `with_events` chooses those that keep all events."""
    return [
        parse_history(queue, raw, whole=with_events(raw["message_id"]))
        for queue in routes.SOURCES
        async for raw in sqs.histories(queue)
    ]


async def copies(sqs: Sqs) -> dict[tuple[str, str], float]:
    """Read when the first copy of each dead letter was sent; what SQS moved is no copy."""
    targets = {routes.REJECTS_DEAD: routes.REJECTS, routes.GROUPS_DEAD: routes.GROUPS}
    found: dict[tuple[str, str], float] = {}
    for dead, source in targets.items():
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
