"""What happened to one message, from both records, in order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.chaos.doubles import kills_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.chaos.deliveries import Delivery
    from tools.chaos.evidence import Event, Evidence, History


def title(history: History) -> str:
    """Return the name of a message in a report."""
    group = f" of group {history.group}" if history.group is not None else ""
    return f"{history.queue} {history.message_id}{group} {history.body}"


def lines(history: History, evidence: Evidence) -> list[str]:
    """Return its trace; seconds count from the first event."""
    events = sorted(_events(history, evidence))
    began = events[0][0] if events else 0.0
    return [f"{at - began:8.3f} {what}" for at, what in events]


def _events(history: History, evidence: Evidence) -> Iterator[Event]:
    yield from history.events or history.faults
    deliveries = evidence.deliveries.get(history.message_id, ())
    for delivery in deliveries:
        yield from _of_delivery(delivery)
    if (copied_at := evidence.copies.get((history.queue, history.body))) is not None:
        yield copied_at, "dead-letter copy"
    if deliveries:
        kills = kills_between(deliveries[0], deliveries[-1], evidence)
        yield from ((at, "SIGKILL of a replica") for at in kills)


def _of_delivery(delivery: Delivery) -> Iterator[Event]:
    name = f"{delivery.service} ({delivery.response})"
    yield delivery.begun_at, f"delivery begins at {name}"
    if delivery.acked_at is not None:
        yield delivery.acked_at, f"2xx of {name}"
    else:
        yield delivery.ended_at, f"delivery ends at {name}"
