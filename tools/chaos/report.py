"""The verdict as a table for people and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from tools.chaos import story
from tools.chaos.doubles import cause_of_double

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.chaos.plan import Plan
    from tools.chaos.run import Outcome
    from tools.chaos.verdict import Verdict

_SHOWN: Final = 10


def table(plan: Plan, outcome: Outcome, verdict: Verdict) -> str:
    """Return the run in lines."""
    return "\n".join(_lines(plan, outcome, verdict))


def as_json(plan: Plan, outcome: Outcome, verdict: Verdict) -> dict[str, Any]:
    """Return everything that the table tells, all violations, and the story of each double."""
    evidence = outcome.evidence
    doubled = [page for page in evidence.pages if cause_of_double(page, evidence) is not None]
    return {
        "plan": asdict(plan),
        "good": not verdict.violations,
        "verdict": asdict(verdict),
        "faults": outcome.faults,
        "answers": _answers(outcome),
        "doubles": {story.title(page): story.lines(page, evidence) for page in doubled},
        "deeds": outcome.deeds,
        "seconds_waited_for_a_core": round(_waited(outcome), 1),
        "seconds_to_settle": round(outcome.seconds_to_settle, 1),
    }


def _lines(plan: Plan, outcome: Outcome, verdict: Verdict) -> Iterator[str]:
    mode = "calm" if plan.calm else "chaos"
    yield f"{mode}, seed {plan.seed}: {plan.seconds:g} s, {plan.rate:g}/s, {plan.replicas} replicas"
    yield from _rows("faults of SQS", {k: sum(n.values()) for k, n in outcome.faults.items()})
    yield from _rows("answers of services", _answers(outcome))
    yield from _rows("deeds", outcome.deeds)
    yield from _rows("verdict", _numbers(outcome, verdict))
    for name, found in verdict.violations.items():
        yield f"\nVIOLATED: {name}: {len(found)}"
        yield from (f"  {line}" for line in found[:_SHOWN])
    yield f"\n{'VIOLATED' if verdict.violations else 'good'} (seed {plan.seed})"


def _rows(title: str, numbers: Mapping[str, object]) -> Iterator[str]:
    if not numbers:
        return
    yield f"\n{title}"
    for name, number in numbers.items():
        yield f"  {name.replace('_', ' '):44} {number:>10}"


def _answers(outcome: Outcome) -> dict[str, int]:
    given = Counter(d.answer for found in outcome.evidence.deliveries.values() for d in found)
    return dict(given.most_common())


def _waited(outcome: Outcome) -> float:
    return sum(seconds for _, seconds in outcome.evidence.waits)


def _numbers(outcome: Outcome, verdict: Verdict) -> dict[str, object]:
    explained = {f"doubled: {cause}": n for cause, n in sorted(verdict.doubled.items()) if cause}
    return {
        "messages": verdict.messages,
        "deliveries": verdict.deliveries,
        "messages with a 2xx": verdict.acked,
        "messages dead-lettered": verdict.dead_lettered,
        "lost": len(verdict.lost),
        "deleted without a 2xx or a dead letter": len(verdict.unproven),
        "doubled without a cause": len(verdict.unexplained),
        "doubled with a cause": sum(explained.values()),
        **explained,
        "out of order in a group": len(verdict.out_of_order),
        "overlaps in a group": len(verdict.overlaps),
        "worst receive count": verdict.worst_receive_count,
        "seconds that replicas waited for a core": f"{_waited(outcome):.1f}",
        "seconds to settle": f"{outcome.seconds_to_settle:.1f}",
    }
