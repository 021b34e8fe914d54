"""Everything that happened to one message, from both ledgers, in order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.chaos.doubles import kills_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.chaos.deliveries import Delivery
    from tools.chaos.evidence import Event, Evidence, Page


def title(page: Page) -> str:
    """Return how a message is called in a report."""
    group = f" of group {page.group}" if page.group is not None else ""
    return f"{page.queue} {page.message_id}{group} {page.body}"


def lines(page: Page, evidence: Evidence) -> list[str]:
    """Return its story; seconds count from the first event."""
    events = sorted(_events(page, evidence))
    began = events[0][0] if events else 0.0
    return [f"{at - began:8.3f} {what}" for at, what in events]


def _events(page: Page, evidence: Evidence) -> Iterator[Event]:
    yield from page.events or page.faults
    deliveries = evidence.deliveries.get(page.message_id, ())
    for delivery in deliveries:
        yield from _of_delivery(delivery)
    if (copied_at := evidence.copies.get((page.queue, page.body))) is not None:
        yield copied_at, "dead-letter copy"
    if deliveries:
        kills = kills_between(deliveries[0], deliveries[-1], evidence)
        yield from ((at, "SIGKILL of a replica") for at in kills)


def _of_delivery(delivery: Delivery) -> Iterator[Event]:
    name = f"{delivery.service} ({delivery.answer})"
    yield delivery.begun_at, f"delivery begins at {name}"
    if delivery.acked_at is not None:
        yield delivery.acked_at, f"2xx of {name}"
    else:
        yield delivery.ended_at, f"delivery ends at {name}"
