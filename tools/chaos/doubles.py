"""Messages with more than one 2xx, and the cause of the second one.

A message in the queue of a version counts as a 2xx of it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from tools.chaos.evidence import HANDED_OUT_AGAIN
from tools.chaos.routes import LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.chaos.deliveries import Delivery
    from tools.chaos.evidence import Evidence, History

UNEXPLAINED: Final = ""
_UNCONFIRMED: Final = ("Delete", "SendMessageBatch")
"""Faults that left the gateway without the confirmation of SQS."""
_LEASES: Final = ("ChangeMessageVisibility", "ReceiveMessage slow")
"""Faults that cost a lease: one that is not extended, one that had half passed when it came."""
_AFTERLIFE_SECONDS: Final = 0.5
"""How long after a kill the bytes that the process sent may still be read."""
_STARVED_SECONDS: Final = LEASE_SECONDS / 2
"""Waiting for a core, over ten seconds and all replicas, that can cost half a lease."""
_MARGIN_SECONDS: Final = 0.5
"""A 2xx this close to the timeout may have come too late for the gateway."""


def acked(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Return the deliveries with a 2xx."""
    return [each for each in deliveries if each.acked_at is not None]


def kills_between(first: Delivery, again: Delivery, evidence: Evidence) -> Iterator[float]:
    """Yield the kills that may have prevented the settling of the first delivery."""
    since = first.begun_at - _AFTERLIFE_SECONDS
    return (at for at in evidence.kills if since <= at <= again.begun_at)


def waited_seconds(delivery: Delivery, evidence: Evidence) -> float:
    """Return how long the replicas waited for a core around a delivery, a lease either way."""
    since, until = delivery.begun_at - LEASE_SECONDS, delivery.begun_at + LEASE_SECONDS
    return sum(seconds for at, seconds in evidence.waits if since <= at <= until)


def cause_of_double(history: History, evidence: Evidence) -> str | None:
    """Return None for a message with at most one 2xx, else why there are more."""
    responded = acked(evidence.deliveries.get(history.message_id, ()))
    if len(responded) < 2:
        return None
    causes = [_cause(first, again, history, evidence) for first, again in _pairs(responded)]
    return UNEXPLAINED if UNEXPLAINED in causes else causes[0]


def _pairs(responded: Sequence[Delivery]) -> Iterator[tuple[Delivery, Delivery]]:
    return itertools.pairwise(responded)


def _cause(first: Delivery, again: Delivery, history: History, evidence: Evidence) -> str:
    return next(_causes(first, again, history, evidence), UNEXPLAINED)


def _causes(
    first: Delivery, again: Delivery, history: History, evidence: Evidence
) -> Iterator[str]:
    """Yield why the first 2xx did not delete the message, or why it was received again."""
    assert first.acked_at is not None
    struck = [what for at, what in history.faults if at <= again.begun_at]
    between = [what for at, what in history.faults if first.begun_at <= at <= again.begun_at]
    yield from (_said(what) for what in reversed(between) if what.startswith(_UNCONFIRMED))
    if any(kills_between(first, again, evidence)):
        yield "SIGKILL"
    if HANDED_OUT_AGAIN in struck:
        yield "duplicate of SQS"
    leases = (what for what in reversed(struck) if what.startswith(_LEASES))
    yield from (f"lease lost by {_said(what)}" for what in leases)
    if first.acked_at - first.begun_at > evidence.timeout_seconds - _MARGIN_SECONDS:
        yield "a response at the edge of the timeout"
    if waited_seconds(first, evidence) > _STARVED_SECONDS:
        yield "a machine too busy to keep the lease"


def _said(what: str) -> str:
    return what.replace("_", " ")
