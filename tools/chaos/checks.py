"""What a run is checked for: pure functions of the two records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.chaos import order, trace
from tools.chaos.doubles import UNEXPLAINED, acked, cause_of_double
from tools.chaos.evidence import DELETED, MOVED, QUEUED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.chaos.evidence import Evidence, History


@dataclass(slots=True)
class Result:
    """Numbers, and a line for each violation of a promise.

    `lost` are messages neither deleted nor dead-lettered in the end, `unproven` those deleted with
    neither a complete 2xx, nor the message in the queue of a version, nor a dead-letter copy
    before. `doubled` counts the messages with more than one of the first two by cause; the cause ""
    is none. `crossed` are deliveries of a pinned message to another version.
    """

    messages: int = 0
    deliveries: int = 0
    acked: int = 0
    queued: int = 0
    dead_lettered: int = 0
    worst_receive_count: int = 0
    received_most: str = ""
    lost: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    doubled: dict[str, int] = field(default_factory=dict)
    unexplained: list[str] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    crossed: list[str] = field(default_factory=list)
    not_once: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def violations(self) -> dict[str, list[str]]:
        """Return what breaks a promise, by name; empty for a good run."""
        found = {
            "lost": self.lost,
            "deleted without proof": self.unproven,
            "doubled without a cause": self.unexplained,
            "overlaps in a group": self.overlaps,
            "out of order in a group": self.out_of_order,
            "delivered to a version that it is not pinned to": self.crossed,
            "not delivered exactly once in calm": self.not_once,
            "complaints": self.complaints,
        }
        return {name: lines for name, lines in found.items() if lines}


def check(evidence: Evidence) -> Result:
    """Check a run."""
    result = Result(messages=len(evidence.histories), complaints=list(evidence.complaints))
    result.deliveries = sum(map(len, evidence.deliveries.values()))
    if evidence.sent != len(evidence.histories):
        result.lost.append(f"{evidence.sent} sent, {len(evidence.histories)} in the histories")
    for history in evidence.histories:
        _check_message(history, evidence, result)
    for histories in order.groups(evidence).values():
        result.overlaps += _overlaps(histories, evidence)
        result.out_of_order += _out_of_order(histories, evidence)
    return result


def _check_message(history: History, evidence: Evidence, result: Result) -> None:
    deliveries = evidence.deliveries.get(history.message_id, ())
    responded = acked(deliveries)
    result.acked += bool(responded)
    result.queued += any(each.response == QUEUED for each in responded)
    pin = evidence.pins.get((history.queue, history.body))
    result.crossed += [
        f"{trace.title(history)} to {each.service}, not {pin}"
        for each in deliveries
        if pin not in (None, each.service)
    ]
    copied = (history.queue, history.body) in evidence.copies
    result.dead_lettered += copied or history.stage == MOVED
    if history.receives > result.worst_receive_count:
        result.worst_receive_count = history.receives
        result.received_most = "\n".join([trace.title(history), *trace.lines(history, evidence)])
    if history.stage not in (DELETED, MOVED):
        result.lost.append(f"{trace.title(history)} is {history.stage} in the end")
    if history.stage == DELETED and not _proven(history, evidence):
        result.unproven.append(f"{trace.title(history)}: {[each.response for each in deliveries]}")
    cause = cause_of_double(history, evidence)
    if cause is not None:
        result.doubled[cause] = result.doubled.get(cause, 0) + 1
    if cause == UNEXPLAINED:
        result.unexplained.append(
            "\n    ".join([trace.title(history), *trace.lines(history, evidence)])
        )
    if evidence.calm and (len(deliveries), len(responded)) != (1, 1):
        what = f"{len(deliveries)} deliveries, {len(responded)} with a 2xx"
        result.not_once.append(f"{trace.title(history)}: {what}")


def _proven(history: History, evidence: Evidence) -> bool:
    """Whether a 2xx, the message in a version's queue, or its copy was there before the delete."""
    assert history.settled_at is not None
    responded = acked(evidence.deliveries.get(history.message_id, ()))
    proofs = [each.acked_at for each in responded if each.acked_at is not None]
    if (copied_at := evidence.copies.get((history.queue, history.body))) is not None:
        proofs.append(copied_at)
    return any(at <= history.settled_at for at in proofs)


def _overlaps(histories: list[History], evidence: Evidence) -> Iterator[str]:
    by_id = {history.message_id: history for history in histories}
    deliveries = [
        d for history in histories for d in evidence.deliveries.get(history.message_id, ())
    ]
    for first, second in order.overlaps(deliveries):
        seconds = first.ended_at - second.begun_at
        one, other = trace.title(by_id[first.message_id]), trace.title(by_id[second.message_id])
        yield f"{one} and {other} of group {first.group}, for {seconds:.2f} s"


def _out_of_order(histories: list[History], evidence: Evidence) -> Iterator[str]:
    by_id = {history.message_id: history for history in histories}
    for other, delivery in order.out_of_order(histories, evidence):
        history = by_id[delivery.message_id]
        yield f"{trace.title(history)} at {delivery.begun_at:.3f} against {trace.title(other)}"
