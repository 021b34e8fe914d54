"""The verdict on a run: a pure reading of the two ledgers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.chaos import order, story
from tools.chaos.doubles import UNEXPLAINED, acked, cause_of_double
from tools.chaos.evidence import DELETED, MOVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.chaos.evidence import Evidence, Page


@dataclass(slots=True)
class Verdict:
    """Numbers, and a line for each violation of a promise.

    `lost` are messages neither deleted nor dead-lettered in the end, `unproven` those deleted with
    neither a complete 2xx nor a dead-letter copy before. `doubled` counts the messages with more
    than one 2xx by cause; the cause "" is none.
    """

    messages: int = 0
    deliveries: int = 0
    acked: int = 0
    dead_lettered: int = 0
    worst_receive_count: int = 0
    lost: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    doubled: dict[str, int] = field(default_factory=dict)
    unexplained: list[str] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    not_once: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def violations(self) -> dict[str, list[str]]:
        """Return what breaks a promise, by name; empty for a good run."""
        found = {
            "lost": self.lost,
            "deleted without a 2xx or a dead letter": self.unproven,
            "doubled without a cause": self.unexplained,
            "overlaps in a group": self.overlaps,
            "out of order in a group": self.out_of_order,
            "not delivered exactly once in calm": self.not_once,
            "complaints": self.complaints,
        }
        return {name: lines for name, lines in found.items() if lines}


def judge(evidence: Evidence) -> Verdict:
    """Read the ledgers."""
    verdict = Verdict(messages=len(evidence.pages), complaints=list(evidence.complaints))
    verdict.deliveries = sum(map(len, evidence.deliveries.values()))
    if evidence.sent != len(evidence.pages):
        verdict.lost.append(f"{evidence.sent} sent, {len(evidence.pages)} in the ledger")
    for page in evidence.pages:
        _judge_message(page, evidence, verdict)
    for pages in order.groups(evidence).values():
        verdict.overlaps += _overlaps(pages, evidence)
        verdict.out_of_order += _out_of_order(pages, evidence)
    return verdict


def _judge_message(page: Page, evidence: Evidence, verdict: Verdict) -> None:
    deliveries = evidence.deliveries.get(page.message_id, ())
    answered = acked(deliveries)
    verdict.acked += bool(answered)
    copied = (page.queue, page.body) in evidence.copies
    verdict.dead_lettered += copied or page.stage == MOVED
    verdict.worst_receive_count = max(verdict.worst_receive_count, page.receives)
    if page.stage not in (DELETED, MOVED):
        verdict.lost.append(f"{story.title(page)} is {page.stage} in the end")
    if page.stage == DELETED and not _proven(page, evidence):
        verdict.unproven.append(f"{story.title(page)}: {[each.answer for each in deliveries]}")
    cause = cause_of_double(page, evidence)
    if cause is not None:
        verdict.doubled[cause] = verdict.doubled.get(cause, 0) + 1
    if cause == UNEXPLAINED:
        verdict.unexplained.append("\n    ".join([story.title(page), *story.lines(page, evidence)]))
    if evidence.calm and (len(deliveries), len(answered)) != (1, 1):
        told = f"{len(deliveries)} deliveries, {len(answered)} answered"
        verdict.not_once.append(f"{story.title(page)}: {told}")


def _proven(page: Page, evidence: Evidence) -> bool:
    """Whether a complete 2xx, or the dead-letter copy, was there before the delete."""
    assert page.settled_at is not None
    answered = acked(evidence.deliveries.get(page.message_id, ()))
    proofs = [each.acked_at for each in answered if each.acked_at is not None]
    if (copied_at := evidence.copies.get((page.queue, page.body))) is not None:
        proofs.append(copied_at)
    return any(at <= page.settled_at for at in proofs)


def _overlaps(pages: list[Page], evidence: Evidence) -> Iterator[str]:
    by_id = {page.message_id: page for page in pages}
    deliveries = [d for page in pages for d in evidence.deliveries.get(page.message_id, ())]
    for first, second in order.overlaps(deliveries):
        seconds = first.ended_at - second.begun_at
        one, other = story.title(by_id[first.message_id]), story.title(by_id[second.message_id])
        yield f"{one} and {other} of group {first.group}, for {seconds:.2f} s"


def _out_of_order(pages: list[Page], evidence: Evidence) -> Iterator[str]:
    by_id = {page.message_id: page for page in pages}
    for other, delivery in order.out_of_order(pages, evidence):
        page = by_id[delivery.message_id]
        yield f"{story.title(page)} at {delivery.begun_at:.3f} against {story.title(other)}"
